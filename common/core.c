/* core.c - filling an answer. */
#include "common/core.h"

#include "common/check.h"
#include "proto/codec.h"
#include "proto/pack.h"

bool core_answer_add(struct core_answer *answer, const struct msg *row)
{
    size_t size = 0;
    const int error = codec_encode(answer->rows + answer->rows_size,
                                   answer->rows_capacity - answer->rows_size, row, &size);
    if (error == PACK_SPACE)
        return false;
    CHECK(error == 0);
    answer->rows_size += (uint32_t)size;
    answer->count++;
    return true;
}

/* client_protocol_test.c - the page of the client protocol shows the bytes there are. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/json.h"
#include "proto/sample.h"

enum { PAGE_BYTES = 1 << 16 };

/* Every message of the contract has its golden bytes, and what they say, on the page. */
static void page_shows_every_message(void **state)
{
    (void)state;
    static char page[PAGE_BYTES];
    FILE *file = fopen("proto/client_protocol.md", "re");
    assert_non_null(file);
    const size_t read = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    assert_true(read > 0 && read < sizeof page - 1);
    for (uint32_t kind = MSG_hello; kind <= MSG_fill; kind++) {
        struct msg m;
        uint8_t bytes[MESSAGE_BYTES_MAX];
        char text[JSON_BYTES_MAX], hex[2 * MESSAGE_BYTES_MAX + 1];
        size_t size = 0, text_size = 0;
        sample_fixed(&m, kind);
        assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
        assert_int_equal(json_print(text, sizeof text, &m, &text_size), 0);
        for (size_t i = 0; i < size; i++)
            snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
        if (strstr(page, hex) == NULL || strstr(page, text) == NULL)
            fail_msg("%s: %s\n%s", msg_name(kind), hex, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(page_shows_every_message)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

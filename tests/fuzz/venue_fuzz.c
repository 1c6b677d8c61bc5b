/* venue_fuzz.c - bytes to a venue file: refused with a word, or commands. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"
#include "deploy/cli/plan.h"
#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_BYTES = 1 << 14, LENGTHS = 32 };

/* How long a text of a row is, and how it begins and ends. */
static void note_text(uint32_t field, const char *text)
{
    static const char classes[] = "0-.%'";
    const uint32_t count = sizeof classes;
    const size_t size = text == NULL ? 0 : strlen(text);
    uint32_t row = field * LENGTHS + (size < LENGTHS ? (uint32_t)size : LENGTHS - 1);
    for (size_t end = 0; size > 0 && end < 2; end++) {
        const char c = text[end * (size - 1)];
        const char *found = strchr(classes, c >= '1' && c <= '9' ? '0' : c);
        row = row * count + (found == NULL ? 0 : (uint32_t)(found - classes + 1));
    }
    fuzz_feature(row * 2654435761u >> 18);
}

static void note_texts(const struct venue *venue)
{
    for (uint32_t i = 0; i < venue->symbol_count; i++) {
        const struct venue_symbol *v = &venue->symbols[i];
        const char *const texts[] = {v->base,         v->quote,          v->tick,
                                     v->lot,          v->band,           v->maker,
                                     v->taker,        v->quantity_max,   v->collar,
                                     v->stp,          v->name,           v->notional_min,
                                     v->notional_max, v->reference_price};
        for (uint32_t field = 0; field < sizeof texts / sizeof *texts; field++)
            note_text(field, texts[field]);
    }
    for (uint32_t i = 0; i < venue->deposit_count; i++)
        note_text(20, venue->deposits[i].amount);
    for (uint32_t i = 0; i < venue->account_count; i++)
        note_text(21, venue->accounts[i].role);
}

/* What is wrong with a file, up to the value that is; two in a row are a feature. */
static void note_complaints(const char *text)
{
    uint32_t last = 0, hash;
    while ((text = strstr(text, "zex: ")) != NULL) {
        text = strstr(text + 5, ": "); /* behind whose fault it is */
        CHECK(text != NULL);
        for (hash = 0; strchr("'0123456789\n", *text) == NULL; text++)
            hash = hash * 31 + (uint8_t)*text;
        fuzz_feature((last * 31 + hash) * 2654435761u >> 18);
        last = hash;
        text += strcspn(text, "\n");
    }
}

/* A plan is a bad one, and says why, or all of it can be sent. */
static void use(const struct venue *venue)
{
    char *text = NULL;
    size_t text_size = 0;
    FILE *complaints = open_memstream(&text, &text_size);
    struct catalog catalog;
    struct plan plan;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    note_texts(venue);
    CHECK(complaints != NULL && catalog_init(&catalog) == 0);
    const struct plan_input input = {.venue = venue,
                                     .catalog = &catalog,
                                     .directory = "/dev/null", /* no key is made */
                                     .complaints = complaints};
    const bool is_good = plan_make(&plan, &input);
    CHECK(is_good == (plan.bad == 0));
    for (uint32_t i = 0; i < plan.count; i++) {
        CHECK(codec_encode(bytes, sizeof bytes, &plan.commands[i].msg, &size) == 0);
        fuzz_feature_msg(&plan.commands[i].msg);
        fuzz_feature(i * MSG_KINDS_MAX + plan.commands[i].msg.kind);
    }
    CHECK(fclose(complaints) == 0);
    note_complaints(text);
    free(text);
    plan_close(&plan);
    catalog_close(&catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static int file = -1;
    char path[64];
    struct venue *venue = NULL;
    if (file < 0)
        file = memfd_create("venue", 0);
    if (size > FILE_BYTES || ftruncate(file, 0) != 0 ||
        pwrite(file, bytes, size, 0) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (venue_load(&venue, path))
        use(venue);
    venue_close(&venue);
    return 0;
}

static size_t load(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    size_t size = fread(bytes, 1, FILE_BYTES, file);
    fclose(file);
    return size;
}

/* Writes another value behind the `which`th colon; 0 if there are not so many. */
static size_t change_value(uint8_t *bytes, size_t size, uint32_t which, const char *value)
{
    static uint8_t rest[FILE_BYTES];
    const size_t value_size = strlen(value);
    size_t at = 0;
    for (uint32_t seen = 0; seen <= which; seen++) {
        while (at + 2 < size && (bytes[at] != ':' || bytes[at + 1] != ' '))
            at++;
        at += 2;
        if (at >= size)
            return 0;
    }
    size_t end = at;
    while (end < size && strchr(",}\n", bytes[end]) == NULL)
        end++;
    memcpy(rest, bytes + end, size - end);
    memcpy(bytes + at, value, value_size);
    memcpy(bytes + at + value_size, rest, size - end);
    return at + value_size + size - end;
}

/* Two venues, and the second with one value that may be none. */
size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    static const char *const values[] = {
        "",
        "0",
        "1",
        "-1",
        "7",
        "0.00000001",
        "99999999999999",
        "9223372036854775807",
        "x",
        "[1]",
        "{}",
        "~",
        "1e3",
        "50%",
        "500ppm",
        "100000000000000000000",
        "'",
        "\"",
        "BTC",
        "admin",
        "&a",
        "*a",
        "!!int 1",
        "|",
    };
    enum { VALUES = sizeof values / sizeof *values };
    if (number == 0)
        return load("deploy/venues/lobster.yaml", bytes);
    const size_t size = load("deploy/venues/demo.yaml", bytes);
    return number == 1 ? size
                       : change_value(bytes, size, (number - 2) / VALUES,
                                      values[(number - 2) % VALUES]);
}

/* journal_page.c - LMDB 0.9's format, data version 1. */
#include "common/journal_page.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/error.h"

enum {
    HEAD = 16,  /* of a page: number 8, pad 2, flags 2, lower 2, upper 2 (or count 4) */
    NODE = 8,   /* of a row: size or child 4, flags (or child) 2, key size 2 */
    TREE = 48,  /* root of a table: pad 4, flags 2, depth 2, counts 24, rows 8, page 8 */
    META = 136, /* magic 4, version 4, address 8, size 8, trees, last page 8, txn 8 */
    NUMBER = 8,
};

enum page_flags { BRANCH = 1, LEAF = 2, LARGE = 4, CHANGED = 16 };
enum node_flags { IS_LARGE = 1, IS_TREE = 2 };

#define MAGIC   UINT32_C(0xBEEFC0DE)
#define VERSION 1
#define NO_PAGE UINT64_MAX
#define MAP_MAX (UINT64_C(1) << 46) /* half of what a process can have */

struct walk {
    const uint8_t *file;
    uint64_t size, page_bytes, last_page;
    uint8_t *seen; /* a bit for each page of the file */
};

/* One table. Keys ascend through all its pages; a branch names the least behind it. */
struct tree {
    const uint8_t *key;
    size_t key_size;
    bool is_least, is_main, is_free;
    uint32_t depth;
    uint64_t rows;
};

struct node {
    const uint8_t *key;
    size_t key_size;
    uint32_t flags;
    uint64_t size; /* of the value, or the child's page */
};

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, bytes); /* LMDB writes the machine's own order */
    return value;
}

static bool is_kept_apart(size_t key_size, size_t value_size, uint64_t page_bytes)
{
    return NODE + key_size + value_size > ((page_bytes - HEAD) / 2 & ~UINT64_C(1)) - 2;
}

static uint64_t count_pages(uint64_t value_size, uint64_t page_bytes)
{
    return (HEAD - 1 + value_size) / page_bytes + 1;
}

int journal_page_compare(const MDB_val *a, const MDB_val *b)
{
    CHECK(b->mv_size > 0);
    const int order =
        memcmp(a->mv_data, b->mv_data, a->mv_size < b->mv_size ? a->mv_size : b->mv_size);
    if (order != 0)
        return order;
    return (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

/* ---- one row ----------------------------------------------------------------------- */

struct journal_page_map journal_page_map(const void *key, uint64_t size,
                                         uint32_t page_bytes)
{
    uintptr_t page = (uintptr_t)key / page_bytes * page_bytes;
    uint64_t number = get((const uint8_t *)key - ((uintptr_t)key - page), NUMBER);
    return (struct journal_page_map){page - number * page_bytes, size, page_bytes};
}

bool journal_page_holds(const struct journal_page_map *map, const void *key,
                        size_t key_size, const void *value, size_t value_size)
{
    const uint8_t *bytes = value;
    bool is_behind = bytes == (const uint8_t *)key + key_size;
    if (!is_kept_apart(key_size, value_size, map->page_bytes) || is_behind)
        return is_behind && !is_kept_apart(key_size, value_size, map->page_bytes);
    const uint8_t *head = bytes - HEAD;
    uint64_t offset = (uintptr_t)head - map->base, flags = get(head + 10, 2);
    bool is_mapped = offset < map->size;
    return flags == (is_mapped ? LARGE : LARGE | CHANGED) &&
           (!is_mapped || get(head, NUMBER) * map->page_bytes == offset) &&
           get(head + 12, 4) == count_pages(value_size, map->page_bytes);
}

/* ---- all of them ------------------------------------------------------------------- */

/* These pages are somebody's: nobody had them before. */
static bool take(struct walk *w, uint64_t page, uint64_t count)
{
    if (page < 2 || page > w->last_page || count > w->last_page - page + 1)
        return false;
    for (uint64_t i = page; i < page + count && i < w->size / w->page_bytes; i++) {
        if ((w->seen[i / 8] >> i % 8 & 1) != 0)
            return false;
        w->seen[i / 8] |= (uint8_t)(1 << i % 8);
    }
    return true;
}

static const uint8_t *take_page(struct walk *w, uint64_t page, uint64_t count,
                                enum page_flags flags)
{
    const uint64_t pages = w->size / w->page_bytes;
    if (page >= pages || count > pages - page || !take(w, page, count))
        return NULL;
    const uint8_t *head = w->file + page * w->page_bytes;
    return get(head, NUMBER) == page && get(head + 10, 2) == flags ? head : NULL;
}

static bool read_node(const struct walk *w, const uint8_t *page, uint64_t index,
                      struct node *node)
{
    uint64_t at = get(page + HEAD + 2 * index, 2);
    if (at < get(page + 14, 2) || at + NODE > w->page_bytes)
        return false;
    const uint8_t *head = page + at;
    bool is_branch = get(page + 10, 2) == BRANCH;
    node->size = get(head, is_branch ? 6 : 4);
    node->flags = is_branch ? 0 : (uint32_t)get(head + 4, 2);
    node->key = head + NODE;
    node->key_size = get(head + 6, 2);
    return at + NODE + node->key_size <= w->page_bytes;
}

static int compare(const struct tree *t, const struct node *node)
{
    if (t->is_free) {
        uint64_t before = get(t->key, NUMBER), key = get(node->key, NUMBER);
        return before < key ? -1 : before > key;
    }
    size_t least = t->key_size < node->key_size ? t->key_size : node->key_size;
    int order = memcmp(t->key, node->key, least);
    return order != 0                     ? order
           : t->key_size < node->key_size ? -1
                                          : t->key_size > node->key_size;
}

/* The next key in order: a row's own, or the least one behind a branch. */
static bool pass_key(struct tree *t, const struct node *node, bool is_row)
{
    if (t->is_free && node->key_size != NUMBER)
        return false;
    int order = t->key == NULL ? -1 : compare(t, node);
    if (order > 0 || (order == 0 && !(t->is_least && is_row)))
        return false;
    t->key = node->key;
    t->key_size = node->key_size;
    t->is_least = !is_row;
    return true;
}

/* A row of LMDB's own table of free pages: how many, and which. */
static bool pass_free(struct walk *w, const uint8_t *value, uint64_t size)
{
    uint64_t count = size < NUMBER ? 0 : get(value, NUMBER);
    if (size < NUMBER || count > size / NUMBER - 1)
        return false;
    for (uint64_t i = 1; i <= count; i++)
        if (!take(w, get(value + i * NUMBER, NUMBER), 1))
            return false;
    return true;
}

static bool walk_tree(struct walk *w, const uint8_t *root, bool is_main, bool is_free);

static bool walk_row(struct walk *w, struct tree *t, const uint8_t *page,
                     const struct node *node)
{
    const uint8_t *value = node->key + node->key_size;
    const uint64_t left = w->page_bytes - (uint64_t)(value - page);
    bool is_apart = is_kept_apart(node->key_size, node->size, w->page_bytes);
    if (is_apart != ((node->flags & IS_LARGE) != 0) ||
        (is_apart ? NUMBER : node->size) > left)
        return false;
    if (is_apart) {
        uint64_t count = count_pages(node->size, w->page_bytes);
        value = take_page(w, get(value, NUMBER), count, LARGE);
        if (value == NULL || get(value + 12, 4) != count)
            return false;
        value += HEAD;
    }
    t->rows++;
    if ((node->flags & IS_TREE) != 0)
        return t->is_main && node->size == TREE && walk_tree(w, value, false, false);
    return !t->is_free || pass_free(w, value, node->size);
}

static bool walk_page(struct walk *w, struct tree *t, uint64_t number, uint32_t level)
{
    bool is_leaf = level == t->depth;
    const uint8_t *page = take_page(w, number, 1, is_leaf ? LEAF : BRANCH);
    if (page == NULL)
        return false;
    uint64_t lower = get(page + 12, 2), upper = get(page + 14, 2);
    if (lower < HEAD + 2 || lower % 2 != 0 || lower > upper || upper > w->page_bytes)
        return false;
    for (uint64_t i = 0; i < (lower - HEAD) / 2; i++) {
        struct node node;
        if (!read_node(w, page, i, &node))
            return false;
        if ((is_leaf || i > 0) && !pass_key(t, &node, is_leaf))
            return false; /* the first key of a branch counts for nothing */
        if (is_leaf ? !walk_row(w, t, page, &node)
                    : !walk_page(w, t, node.size, level + 1))
            return false;
    }
    return true;
}

static bool walk_tree(struct walk *w, const uint8_t *root, bool is_main, bool is_free)
{
    struct tree tree = {.is_main = is_main, .is_free = is_free};
    const uint64_t page = get(root + 40, NUMBER);
    tree.depth = (uint32_t)get(root + 6, 2);
    if (page == NO_PAGE || tree.depth == 0 || tree.depth > JOURNAL_PAGE_DEPTH)
        return page == NO_PAGE && tree.depth == 0 && get(root + 32, NUMBER) == 0;
    return walk_page(w, &tree, page, 1) && tree.rows == get(root + 32, NUMBER);
}

static bool is_page_size(uint64_t bytes)
{
    return bytes >= 512 && bytes <= 65536 && (bytes & (bytes - 1)) == 0;
}

/* What a head tells of the file, which only grows. */
struct extent {
    uint64_t page_bytes, map_bytes, last_page, txn;
};

static struct extent read_extent(const uint8_t *meta)
{
    return (struct extent){.map_bytes = get(meta + 16, NUMBER),
                           .page_bytes = get(meta + 24, 4),
                           .last_page = get(meta + META - 2 * NUMBER, NUMBER),
                           .txn = get(meta + META - NUMBER, NUMBER)};
}

static bool is_extent(const struct extent *newer, const struct extent *older)
{
    return newer->page_bytes == older->page_bytes &&
           newer->last_page >= older->last_page &&
           newer->last_page < newer->map_bytes / newer->page_bytes &&
           newer->map_bytes <= MAP_MAX;
}

int journal_page_check_heads(const char *path)
{
    uint8_t head[HEAD + META];
    struct extent extents[2] = {{0}};
    uint32_t found = 0;
    int error = 0, file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? 0 : error_of_file(errno);
    while (found < 2 && error == 0) {
        const ssize_t size =
            pread(file, head, sizeof head, (off_t)(found * extents[0].page_bytes));
        if (size != sizeof head || get(head + HEAD, 4) != MAGIC)
            break; /* LMDB knows what to say */
        extents[found] = read_extent(head + HEAD);
        if (!is_page_size(extents[found++].page_bytes))
            error = ERR_CORRUPT;
    }
    close(file);
    if (error != 0 || found < 2)
        return error;
    const uint32_t newer = extents[1].txn > extents[0].txn;
    return is_extent(&extents[newer], &extents[1 - newer]) ? 0 : ERR_CORRUPT;
}

/* Commits take turns with two heads: the next but one takes this one's place. */
static int walk_all(const uint8_t *file, uint64_t size, uint64_t txn, bool *is_over)
{
    uint8_t head[META];
    struct walk walk = {.file = file, .size = size};
    if (size < HEAD + META)
        return ERR_CORRUPT;
    walk.page_bytes = get(file + HEAD + 24, 4);
    if (!is_page_size(walk.page_bytes) || size < 2 * walk.page_bytes)
        return ERR_CORRUPT;
    const uint8_t *meta = file + txn % 2 * walk.page_bytes + HEAD;
    memcpy(head, meta, sizeof head);
    *is_over = get(head + META - NUMBER, NUMBER) > txn;
    if (get(head, 4) != MAGIC || get(head + 4, 4) != VERSION ||
        get(head + META - NUMBER, NUMBER) != txn)
        return ERR_CORRUPT;
    walk.last_page = get(head + META - 2 * NUMBER, NUMBER);
    walk.seen = calloc(1, size / walk.page_bytes / 8 + 1);
    if (walk.seen == NULL)
        return ERR_MEMORY;
    bool is_good = walk_tree(&walk, head + 24, false, true) &&
                   walk_tree(&walk, head + 24 + TREE, true, false);
    free(walk.seen);
    *is_over = !is_good && get(meta + META - NUMBER, NUMBER) > txn; /* perhaps half */
    return is_good ? 0 : ERR_CORRUPT;
}

int journal_page_check(int file, uint64_t txn, bool *is_over)
{
    struct stat status;
    *is_over = false;
    if (fstat(file, &status) != 0)
        return ERR_IO;
    const size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED)
        return ERR_MEMORY;
    int error = walk_all(bytes, size, txn, is_over);
    munmap(bytes, size);
    return error;
}

/* The insides of the server of mem_source.h; only mem_source.c and mem_server.c include it. */
#pragma once

#include "world/mem_source.h"
#include "world/region.h"
#include "world/value.h"

struct mem_row {
    struct value *values; /* one per column; in the server's arena */
    int64_t number;       /* stays through updates: what orders ties where no key does */
};

struct mem_table {
    const char *name;
    struct schema *schema;
    int key[KEY_COLUMNS_MAX];
    int key_count, cursor;
    struct mem_row *rows;
    int row_count, row_size;
};

struct mem_pending {
    struct mem_pending *next;
    const char *table, *row;
};

struct mem_transaction {
    struct mem_transaction *next;
    struct mem_server *server;
    struct mem_pending *first, **last;
    int64_t since_us;
};

enum { MEM_TABLES_MAX = 64 };
struct mem_server {
    struct region inside; /* over everything, against other readers and sources; entered again where what `before` calls
                             comes back */
    struct arena arena;
    struct mem_table tables[MEM_TABLES_MAX];
    int table_count;
    int64_t now_us, numbered;
    const char *id;
    const char *place, *lost;
    bool is_kin;
    bool hidden;
    enum rc unknown; /* why a replica does not tell how far behind it is; RC_OK: it does */
    int64_t ahead_us;
    bool repeats;
    int64_t shown_us; /* a replica: when its last commit was; 0: it is none */
    struct mem_transaction *open;
    void (*before)(void *context, const char *operation);
    void *context;
    struct schema *old_schemas[MEM_TABLES_MAX]; /* of before a change: handles may still point at them */
    int old_schema_count;
};

struct mem_table *mem_server_find(const struct mem_server *self, const char *table); /* NULL: none */
void mem_server_before(struct mem_server *self, const char *operation);

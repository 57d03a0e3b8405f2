#include "connect/sql/pq_row.h"

void sql_row_from_pq(const struct pq_answer *answer, struct sql_row *ret)
{
    int count = pq_rows(answer) > 0 ? PQnfields(answer->result) : 0;
    sql_row_init(ret, count);
    for (int i = 0; i < count; i++) {
        if (!pq_is_null(answer, 0, i))
            ret->cells[i] = str(arena_text(&ret->arena, pq_text(answer, 0, i)));
    }
}

/* Rows that libpq has brought (io/pq.h). */
#pragma once

#include "connect/sql/sql.h"
#include "io/pq.h"

void sql_row_from_pq(const struct pq_answer *answer, struct sql_row *ret);

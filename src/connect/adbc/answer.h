/* What drivers answer, as texts. */
#pragma once

#include "connect/adbc/session.h"

/* All of it, into ret. On failure *ret_why may be the driver's own words, as long as the stream lives; otherwise err
 * is filled. RC_DATA: a type that no query of ours asks for, or more than ANSWER_ROWS_MAX rows. */
RC answer_read(struct ArrowArrayStream *stream, struct answer *ret, const char **ret_why, struct error *err);

/* Two texts of AdbcConnectionGetInfo, by their codes; "" where the driver does not say. */
RC answer_read_info(struct ArrowArrayStream *stream, uint32_t first, char *ret_first, size_t first_size,
                    uint32_t second, char *ret_second, size_t second_size, struct error *err);

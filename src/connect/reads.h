/* What sources send begins so, wherever only they have written it: in a session that may only read, nothing of it
 * writes a row. Whoever looks for open transactions leaves these out, of this run and of others: readers of ours would
 * hold every bound back to when they began. Not what holds a statement of the user's own (custom_sql), which may call
 * what it likes. */
#pragma once

#define SOURCE_READS "/* waybill reads */ "

/* Included before every file (meson.build): functions that cannot be used safely do not compile here. */
#ifndef WAYBILL_BANNED_H
#define WAYBILL_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcat strncat gets sprintf vsprintf strtok asctime ctime gmtime localtime atoi atol atoll atof

/* libmariadb's header names it in a macro that nobody uses, and poison reaches there too. */
#undef strncpy
#define strncpy(...) strncpy_is_banned()

#endif

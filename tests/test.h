/* cmocka with what it needs, and without its macro that takes the name of base/error.h's fail(). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail
#undef fail_msg
#define fail_msg(msg, ...)                                                                                             \
    do {                                                                                                               \
        print_error("ERROR: " msg "\n", ##__VA_ARGS__);                                                                \
        _fail(__FILE__, __LINE__);                                                                                     \
    } while (0)

/* cmocka with what it needs, and without its macro that takes the name of base/error.h's fail(). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

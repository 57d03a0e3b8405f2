/* cmocka with what it needs, and without its macro that takes the name of base/error.h's fail().
 *
 * PROGRAM -k WORD: only the stories that have the word in their name, as with pytest. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail
#undef fail_msg
#define fail_msg(msg, ...)                                                                                             \
    do {                                                                                                               \
        print_error("ERROR: " msg "\n", ##__VA_ARGS__);                                                                \
        _fail(__FILE__, __LINE__);                                                                                     \
    } while (0)

/* Before any main(): glibc gives a constructor what it gives main(). */
__attribute__((constructor)) static void choose_stories(int argc, char **argv)
{
    static char pattern[128];
    if (argc < 3 || strcmp(argv[argc - 2], "-k") != 0)
        return;
    snprintf(pattern, sizeof(pattern), "*%s*", argv[argc - 1]);
    cmocka_set_test_filter(pattern);
}

#include "conform/verdict.h"

#include "test.h"

void call_is_well(const struct error *err, enum rc rc, const char *file, int line)
{
    if (rc != RC_OK)
        print_error("%s: %s (%s)\n", rc_name(rc), err->text, err->todo);
    _assert_int_equal((uintmax_t)rc, RC_OK, file, line);
}

void call_is_refused(const struct error *err, enum rc got, enum rc wanted, const char *words, const char *file,
                     int line)
{
    if (got != wanted)
        print_error("%s (%s wanted): %s\n", rc_name(got), rc_name(wanted), got != RC_OK ? err->text : "");
    _assert_int_equal((uintmax_t)got, (uintmax_t)wanted, file, line);
    error_says(err, words, true, file, line);
}

void error_says(const struct error *err, const char *words, bool wanted, const char *file, int line)
{
    bool is_said = strstr(err->text, words) != NULL || strstr(err->todo, words) != NULL;
    if (is_said != wanted)
        print_error("'%s' is %s in '%s' and '%s'\n", words, wanted ? "not" : "what is not wanted", err->text,
                    err->todo);
    _assert_true(is_said == wanted, "says what it must", file, line);
}

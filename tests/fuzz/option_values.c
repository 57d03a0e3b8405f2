/* A value of an option, from a flag or the environment: sizes, durations, numbers, words, lists; names in keys of
 * objects, and patterns of names.
 *
 * Parser: src/base/options.c:options_set,option_find,nearest_name,edit_distance,take_value,take_number
 * Parser: src/base/options.c:take_bool,take_enum,take_text,check_limits,list_add_split
 * Parser: src/base/str.c:str_to_int64,str_to_bytes,str_to_ms,str_is_utf8,buf_add_word,with_unit
 * Parser: src/state/keys.c:key_segment,key_segment_name src/move/config_tables.c:pattern_matches,is_pattern
 * Bytes: 512 */
#include <fnmatch.h>

#include "base/options.h"
#include "fuzz.h"
#include "move/config_intern.h"
#include "state/keys.h"

struct values {
    const char *string, *path;
    int64_t number, limited, size, duration;
    bool yes;
    int word;
    struct text_list list;
};
static const char *const words[] = {"hybrid", "id_only", "full_sync", NULL};
static const struct option table[] = {
    OPTION("string", STRING, values, string, .help = "x"),
    OPTION("path", PATH, values, path, .help = "x"),
    OPTION("number", INT, values, number, .min = INT64_MIN, .max = INT64_MAX, .help = "x"),
    OPTION("limited", INT, values, limited, .min = 1, .max = 16, .preset = "4", .help = "x"),
    OPTION("chunk.bytes", SIZE, values, size, .preset = "1GiB", .help = "x"),
    OPTION("duration", DURATION, values, duration, .max = 86400000, .help = "x"),
    OPTION("yes", BOOL, values, yes, .help = "x"),
    OPTION("word", ENUM, values, word, .names = words, .help = "x"),
    OPTION("list", LIST, values, list)};

static void fuzz_option(struct fuzz *in)
{
    AUTO_RELEASE(arena) arena = {0};
    struct error err = {0};
    struct values values;
    struct option_set set;
    options_init(&set, OPTION_TABLE(table), &values, &arena);
    while (in->left > 0) {
        char *name = fuzz_text(fuzz_until(in, '=')), *text = fuzz_text(fuzz_until(in, '\n'));
        if (option_find(set.table, name) != NULL) {
            enum rc rc = options_set(&set, name, text, ORIGIN_FLAG, "--flag", &err);
            fuzz_check(rc, &err);
            if (rc == RC_OK)
                assert(values.limited >= 1 && values.limited <= 16 && values.size >= 0 && values.duration >= 0 &&
                       values.duration <= 86400000 && values.word >= 0 && values.word <= 2);
        } else {
            const char *near = nearest_name(name, words, 3);
            assert(near == NULL || near == words[0] || near == words[1] || near == words[2]);
        }
        free(name);
        free(text);
    }
}

static void fuzz_units(struct fuzz *in)
{
    char again[32];
    int64_t value;
    struct str text = fuzz_rest(in);
    uint8_t *copy = fuzz_copy(text, 0);
    text.at = (const char *)copy;
    (void)str_is_utf8(text);
    if (str_to_bytes(text, &value))
        assert(value >= 0);
    if (str_to_ms(text, &value))
        assert(value >= 0);
    if (str_to_int64(text, &value)) {
        int64_t second = 0;
        snprintf(again, sizeof(again), "%lld", (long long)value);
        bool is_number = str_to_int64(str(again), &second);
        assert(is_number && second == value);
    }
    free(copy);
}

static void fuzz_names(struct fuzz *in)
{
    AUTO_RELEASE(arena) arena = {0};
    char *name = fuzz_text(fuzz_until(in, '\n')), *segment = key_segment(&arena, name);
    assert(strchr(segment, '/') == NULL && strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0);
    assert(strcmp(key_segment_name(&arena, str(segment)), name) == 0);
    struct str foreign = fuzz_rest(in);
    uint8_t *copy = fuzz_copy(foreign, 0);
    (void)key_segment_name(&arena, (struct str){(const char *)copy, foreign.len});
    AUTO_RELEASE(buf) word = {0};
    buf_add_word(&word, name);
    free(copy);
    free(name);
}

static void fuzz_pattern(struct fuzz *in)
{
    char *pattern = fuzz_text(fuzz_until(in, '\n')), *name = fuzz_text(fuzz_rest(in));
    bool matches = pattern_matches(pattern, name);
    if (!is_pattern(pattern))
        assert(matches == (strcmp(pattern, name) == 0));
    free(pattern);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    switch (fuzz_choice(&in, 4)) {
    case 0: fuzz_option(&in); break;
    case 1: fuzz_units(&in); break;
    case 2: fuzz_names(&in); break;
    default: fuzz_pattern(&in);
    }
    return 0;
}

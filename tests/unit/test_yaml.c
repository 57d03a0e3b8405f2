/* YAML trees: what is read, where it stood, and what hostile files are told. */
#include "base/yaml.h"
#include "test.h"

static struct arena arena;

static const struct yaml_node *read_yaml(const char *text)
{
    const struct yaml_node *root = NULL;
    struct error err = {0};
    enum rc rc = yaml_parse(str(text), "w.yml", &arena, &root, &err);
    if (rc != RC_OK)
        fail_msg("%s", err.text);
    return root;
}

static void assert_refused(struct str text, const char *message)
{
    const struct yaml_node *root = NULL;
    struct error err = {0};
    assert_int_equal(yaml_parse(text, "w.yml", &arena, &root, &err), RC_CONFIG);
    assert_string_equal(err.text, message);
    assert_true(err.todo[0] != '\0');
    assert_null(root);
}

static int forget(void **state)
{
    arena_release(&arena);
    return 0;
}

static void every_node_knows_its_line_and_column(void **state)
{
    const struct yaml_node *root = read_yaml("a: 1\nb:\n  - x\n  - {c: [y, 'z']}\n");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->count, 2);
    const struct yaml_node *list = yaml_find(root, "b");
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->key_where.line, 2);
    const struct yaml_node *c = yaml_find(list->first->next, "c");
    assert_int_equal(c->key_where.line, 4);
    assert_int_equal(c->key_where.column, 6);
    assert_int_equal(c->where.column, 9);
    assert_string_equal(c->first->next->text, "z");
    assert_string_equal(c->first->where.file, "w.yml");
}

static void nothing_is_told_from_an_empty_text(void **state)
{
    const struct yaml_node *root = read_yaml("a:\nb: ~\nc: null\nd: ''\ne: 'null'\n");
    assert_int_equal(yaml_find(root, "a")->kind, YAML_EMPTY);
    assert_int_equal(yaml_find(root, "b")->kind, YAML_EMPTY);
    assert_int_equal(yaml_find(root, "c")->kind, YAML_EMPTY);
    assert_int_equal(yaml_find(root, "d")->kind, YAML_TEXT);
    assert_string_equal(yaml_find(root, "e")->text, "null");
    assert_int_equal(read_yaml("")->kind, YAML_MAP);
    assert_int_equal(read_yaml("# only a comment\n---\n")->kind, YAML_MAP);
}

static void a_key_that_stands_twice_is_an_error(void **state)
{
    assert_refused(S("a: 1\nb: 2\na: 3\n"), "w.yml:3:1: 'a' stands here twice, first in line 1");
    assert_refused(S("x: {b: 2, c: 1, 'b': 2}\n"), "w.yml:1:17: 'b' stands here twice, first in line 1");
}

static void what_is_not_plain_configuration_is_refused_with_its_place(void **state)
{
    assert_refused(S("a: &x 1\nb: *x\n"), "w.yml:1:4: anchors and aliases (&, *) are not supported in a configuration");
    assert_refused(S("b: *x\n"), "w.yml:1:4: anchors and aliases (&, *) are not supported in a configuration");
    assert_refused(S("a: &x {b: 1}\n"), "w.yml:1:4: anchors and aliases (&, *) are not supported in a configuration");
    assert_refused(S("a:\n  <<: {b: 1}\n"), "w.yml:2:3: merge keys (<<) are not supported in a configuration");
    assert_refused(S("a: !!int 1\n"), "w.yml:1:4: tags (!) are not supported in a configuration");
    assert_refused(S("a: 1\n---\nb: 2\n"), "w.yml:2:1: one file holds one document: a second begins here");
    assert_refused(S("{a: 1}: 2\n"), "w.yml:1:1: a key must be a text, not a map or a list");
    assert_refused(S("a: \"x\\0y\"\n"), "w.yml:1:4: a text cannot hold a zero byte");
}

static void broken_yaml_is_told_by_line_and_column(void **state)
{
    assert_refused(
        S("a: 1\n\tb: 2\n"),
        "w.yml:2:1: not valid YAML: found a tab character that violates indentation while scanning a plain scalar");
    assert_refused(S("a: [1, 2\nb: 3\n"),
                   "w.yml:2:2: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence");
    assert_refused(S("a: 'x\n"),
                   "w.yml:2:1: not valid YAML: found unexpected end of stream while scanning a quoted scalar");
    assert_refused(S("a: 1\nb: \xff\n"), "w.yml:2:4: not valid YAML: invalid leading UTF-8 octet");
    assert_refused(S("a: 1\nb: \x01\n"), "w.yml:2:4: not valid YAML: control characters are not allowed");
    assert_refused(S("a: 1\0"), "w.yml:1:5: not valid YAML: control characters are not allowed");
}

static void a_file_that_nests_too_deep_is_refused_at_once(void **state)
{
    AUTO_RELEASE(buf) deep = {0};
    for (int i = 0; i < 100000; i++)
        buf_addf(&deep, "[");
    assert_refused(buf_str(&deep), "w.yml:1:33: nested more than 32 levels deep");
    buf_reset(&deep);
    for (int i = 0; i < 100; i++)
        buf_addf(&deep, "%*sa:\n", i, "");
    assert_refused(buf_str(&deep), "w.yml:33:33: nested more than 32 levels deep");
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    AUTO_RELEASE(buf) large = {0};
    for (int i = 0; i <= YAML_NODES_MAX; i++)
        buf_addf(&large, "- a\n");
    assert_refused(buf_str(&large), "w.yml:200000:3: more than 200000 values in one file");
    while (large.len <= YAML_BYTES_MAX)
        buf_addf(&large, "# %0*d\n", 1 << 16, 0);
    assert_refused(buf_str(&large), "'w.yml' is larger than 4194304 bytes, the most a configuration may have");
}

static void many_keys_are_checked_for_repetition_in_no_time(void **state)
{
    AUTO_RELEASE(buf) many = {0};
    for (int i = 0; i < 100000; i++)
        buf_addf(&many, "k%d: 1\n", i);
    assert_int_equal(read_yaml(many.at)->count, 100000);
    buf_addf(&many, "k500: 1\n");
    assert_refused(buf_str(&many), "w.yml:100001:1: 'k500' stands here twice, first in line 501");
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test_teardown(every_node_knows_its_line_and_column, forget),
        cmocka_unit_test_teardown(nothing_is_told_from_an_empty_text, forget),
        cmocka_unit_test_teardown(a_key_that_stands_twice_is_an_error, forget),
        cmocka_unit_test_teardown(what_is_not_plain_configuration_is_refused_with_its_place, forget),
        cmocka_unit_test_teardown(broken_yaml_is_told_by_line_and_column, forget),
        cmocka_unit_test_teardown(a_file_that_nests_too_deep_is_refused_at_once, forget),
        cmocka_unit_test_teardown(a_file_that_is_too_large_is_refused, forget),
        cmocka_unit_test_teardown(many_keys_are_checked_for_repetition_in_no_time, forget),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}

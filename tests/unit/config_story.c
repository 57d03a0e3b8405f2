#include "config_story.h"

struct config_story story;

int config_story_begin(void **state)
{
    story.folder = folder_new();
    secret_resolver_init(&story.resolver, clock_real());
    return 0;
}

int config_story_end(void **state)
{
    config_free(TAKE(story.config));
    folder_free(TAKE(story.folder));
    arena_release(&story.arena);
    return 0;
}

void config_story_write(const char *name, const char *text) { folder_write(story.folder, name, str(text)); }

RC config_story_load(const char *text, struct error *err)
{
    config_free(TAKE(story.config));
    config_story_write("w.yml", text);
    return config_load(arena_print(&story.arena, "%s/w.yml", story.folder), &story.resolver.resolver, &story.config,
                       err);
}

void assert_loads(const char *text)
{
    struct error err = {0};
    if (config_story_load(text, &err) != RC_OK)
        fail_msg("%s", err.text);
}

const struct pipeline_config *pick(const char *name)
{
    const struct pipeline_config *pipeline = NULL;
    struct error err = {0};
    if (config_pick_pipeline(story.config, name, NULL, 0, &pipeline, &err) != RC_OK)
        fail_msg("%s", err.text);
    return pipeline;
}

void assert_message(const char *message, const char *expected)
{
    AUTO_RELEASE(buf) text = {0};
    const char *folder = arena_print(&story.arena, "%s/", story.folder);
    for (const char *at = message; *at != '\0'; at++) {
        if (str_has_prefix(str(at), str(folder)))
            at += strlen(folder);
        buf_add(&text, at, 1);
    }
    assert_string_equal(or_empty(text.at), expected);
}

void assert_refused(const char *text, const char *message, const char *todo)
{
    struct error err = {0};
    assert_int_equal(config_story_load(text, &err), RC_CONFIG);
    assert_message(err.text, message);
    assert_true(err.todo[0] != '\0');
    if (todo != NULL)
        assert_message(err.todo, todo);
    assert_null(story.config);
}

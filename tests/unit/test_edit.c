#include "model/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { EMAILS_EACH = 3 };

/* A connector as a table writes it. */
struct side {
    enum connector_type type;
    const char *label, *description, *user_id, *emails[EMAILS_EACH];
    bool shared;
};

struct comparison {
    struct side row, shown;
    unsigned without; /* fields that the sheet has no column for */
    unsigned changed, fixed;
    const char *text, *body; /* NULL: not looked at */
};

#define BIT(field) (1U << FIELD_##field)
#define A "a@x.com"

static const struct comparison comparisons[] = {
    {{TYPE_EMAIL, "L", "d", "", {A}, true}, {TYPE_EMAIL, "L", "d", "", {A}, true}, 0, 0, 0, "", NULL},
    {{TYPE_EMAIL, " L ", "d ", "", {"A@X.COM"}, false}, {TYPE_EMAIL, "L", "d", "", {A}, false}, 0, 0, 0, "", NULL},
    {{TYPE_EMAIL, "Cafe\xCC\x81", "", "", {A}, false},
     {TYPE_EMAIL, "Caf\xC3\xA9", "", "", {A}, false},
     0,
     0,
     0,
     "",
     NULL},
    {{TYPE_EMAIL, "l", "", "", {A}, false},
     {TYPE_EMAIL, "L", "", "", {A}, false},
     0,
     BIT(LABEL),
     0,
     "label: \"L\" → \"l\"",
     "{\"label\":\"l\",\"description\":\"\",\"share_with_org\":false,\"config\":{\"allowed_emails\":[\"" A "\"]}}"},
    /* an empty cell clears, a missing column does not */
    {{TYPE_EMAIL, "L", "", "", {A}, false},
     {TYPE_EMAIL, "L", "d", "", {A}, true},
     0,
     BIT(DESCRIPTION) | BIT(SHARE_WITH_ORG),
     0,
     "description: \"d\" → \"\"; share_with_org: \"true\" → \"false\"",
     NULL},
    {{TYPE_EMAIL, "M", "", "", {NULL}, false},
     {TYPE_EMAIL, "L", "d", "", {A}, true},
     BIT(DESCRIPTION) | BIT(SHARE_WITH_ORG) | BIT(ALLOWED_EMAILS),
     BIT(LABEL),
     0,
     "label: \"L\" → \"M\"",
     "{\"label\":\"M\",\"description\":\"d\",\"share_with_org\":true,\"config\":{\"allowed_emails\":[\"" A "\"]}}"},
    /* addresses are a set */
    {{TYPE_EMAIL, "L", "", "", {"b@x.com", A}, false},
     {TYPE_EMAIL, "L", "", "", {A, "B@x.com"}, false},
     0,
     0,
     0,
     "",
     NULL},
    {{TYPE_EMAIL, "L", "", "", {"b@x.com", "c@x.com"}, false},
     {TYPE_EMAIL, "L", "", "", {A, "b@x.com"}, false},
     0,
     BIT(ALLOWED_EMAILS),
     0,
     "allowed_emails: - \"" A "\" + \"c@x.com\"",
     "{\"label\":\"L\",\"description\":\"\",\"share_with_org\":false,\"config\":{\"allowed_emails\":[\"b@x.com\","
     "\"c@x.com\"]}}"},
    /* what can't be changed */
    {{TYPE_INVESTMENT_RESEARCH, "L", "", "u", {NULL}, false},
     {TYPE_INVESTMENT_RESEARCH, "L", "", "v", {NULL}, false},
     0,
     0,
     BIT(USER_ID),
     "user_id: \"v\" → \"u\"",
     NULL},
    {{TYPE_INVESTMENT_RESEARCH, "M", "", "u", {NULL}, false},
     {TYPE_INVESTMENT_RESEARCH, "L", "", "u", {NULL}, false},
     0,
     BIT(LABEL),
     0,
     "label: \"L\" → \"M\"",
     "{\"label\":\"M\",\"description\":\"\",\"share_with_org\":false}"},
    {{TYPE_SHAREPOINT, "L", "", "", {NULL}, false},
     {TYPE_EMAIL, "L", "", "", {NULL}, false},
     0,
     0,
     BIT(TYPE),
     "type: \"email\" → \"sharepoint\"",
     NULL},
    {{TYPE_NONE, "L", "", "", {A}, false}, {TYPE_EMAIL, "L", "", "", {A}, false}, 0, 0, 0, "", NULL},
};

static void fill(struct connector *connector, const struct side *side)
{
    connector_init(connector);
    connector->type = side->type;
    connector->label = span_of(side->label);
    connector->description = span_of(side->description);
    connector->user_id = span_of(side->user_id);
    connector->share_with_org = side->shared;
    for (int i = 0; i < EMAILS_EACH && side->emails[i] != NULL; i++)
        connector_add_email(connector, span_of(side->emails[i]));
}

static void finds_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        const struct comparison *wanted = &comparisons[i];
        struct connector row, shown;
        struct edit edit;
        struct buf text, body;

        fill(&row, &wanted->row);
        fill(&shown, &wanted->shown);
        edit_init(&edit);
        buf_init(&text, 4096);
        buf_init(&body, 4096);
        edit_compare(&edit, &row, ~wanted->without, &shown);
        assert_int_equal(edit.changed, wanted->changed);
        assert_int_equal(edit.fixed, wanted->fixed);
        edit_show(edit.changed | edit.fixed, &row, &shown, "; ", &text);
        assert_string_equal(buf_view(&text).data, wanted->text);
        assert_true(edit_body(&edit, &body));
        if (wanted->body != NULL)
            assert_string_equal(body.data, wanted->body);
        buf_release(&text);
        buf_release(&body);
        edit_release(&edit);
        connector_release(&row);
        connector_release(&shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_what_differs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

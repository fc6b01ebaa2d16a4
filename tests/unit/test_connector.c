#include "model/connector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ADDRESSES = 3 };

/* A connector as a table writes it. */
struct sketch {
    enum connector_type type;
    const char *label, *description;
    bool share;
    const char *emails[ADDRESSES];
    const char *user, *password, *session;
};

static void draw(struct connector *connector, const struct sketch *sketch)
{
    connector_reset(connector);
    connector->type = sketch->type;
    connector->label = span_of(sketch->label);
    connector->description = span_of(sketch->description);
    connector->share_with_org = sketch->share;
    for (size_t i = 0; i < ADDRESSES && sketch->emails[i] != NULL; i++)
        assert_true(connector_add_email(connector, span_of(sketch->emails[i])));
    connector->user_id = span_of(sketch->user);
    connector->user_password = span_of(sketch->password);
    connector->session_id = span_of(sketch->session);
}

/* Whole payload, public part, and key: which of them are the same. */
enum same { NOTHING, KEY, PUBLIC, ALL };

static const struct {
    struct sketch a, b;
    enum same same;
    const char *differences; /* of the sheet's `a` and the account's `b` */
} pairs[] = {
    {{TYPE_EMAIL, .label = "L", .emails = {"a@b", "c@d"}},
     {TYPE_EMAIL, .label = " L\xC2\xA0", .description = " ", .emails = {"C@D", "A@b"}},
     ALL,
     ""},
    {{TYPE_EMAIL, .label = "L", .emails = {"a@b"}},
     {TYPE_EMAIL, .label = "L", .emails = {"a@b"}, .user = "other types' fields", .session = "count for nothing"},
     ALL,
     ""},
    {{TYPE_EMAIL, .label = "L", .emails = {"a@b"}},
     {TYPE_EMAIL, .label = "l", .emails = {"a@b"}},
     NOTHING,
     "label: the account has \"l\", the sheet has \"L\""},
    {{TYPE_EMAIL, .label = "L"},
     {TYPE_SHAREPOINT, .label = "L"},
     NOTHING,
     "type: the account has \"sharepoint\", the sheet has \"email\""},
    {{TYPE_EMAIL, .label = "L"},
     {TYPE_NONE, .label = "L"},
     NOTHING,
     "type: the account has none, the sheet has \"email\""},
    {{TYPE_EMAIL, .label = "L", .description = "x"},
     {TYPE_EMAIL, .label = "L", .share = true},
     KEY,
     "description: the account has none, the sheet has \"x\"; share_with_org: the account has true, the sheet has "
     "false"},
    {{TYPE_SHAREPOINT, .label = "L", .share = true, .session = "s"},
     {TYPE_SHAREPOINT, .label = "L", .session = "s"},
     KEY,
     "share_with_org: the account has false, the sheet has true"},
    {{TYPE_EMAIL, .label = "L", .emails = {"a@b", "c@d"}},
     {TYPE_EMAIL, .label = "L", .emails = {"a@b", "e@f"}},
     KEY,
     "allowed_emails: only in the account \"e@f\", only in the sheet \"c@d\""},
    {{TYPE_EMAIL, .label = "L", .emails = {"a@b"}},
     {TYPE_EMAIL, .label = "L", .emails = {"a@b", "e@f"}},
     KEY,
     "allowed_emails: only in the account \"e@f\""},
    {{TYPE_EMAIL, .label = "L", .emails = {"a@b", "c@d", "e@f"}},
     {TYPE_EMAIL, .label = "L"},
     KEY,
     "allowed_emails: only in the sheet \"a@b\", \"c@d\", \"e@f\""},
    {{TYPE_INVESTMENT_RESEARCH, .label = "L", .user = "u", .password = "p"},
     {TYPE_INVESTMENT_RESEARCH, .label = "L", .user = "u", .password = "p", .emails = {"a@b"}},
     ALL,
     ""},
    {{TYPE_INVESTMENT_RESEARCH, .label = "L", .user = "u", .password = "p"},
     {TYPE_INVESTMENT_RESEARCH, .label = "L", .user = "u", .password = "p "},
     PUBLIC,
     ""},
    {{TYPE_INVESTMENT_RESEARCH, .label = "L", .user = "u", .password = "p"},
     {TYPE_INVESTMENT_RESEARCH, .label = "L", .user = "up"},
     KEY,
     "user_id: the account has \"up\", the sheet has \"u\""},
    {{TYPE_SHAREPOINT, .label = "L", .session = "s"}, {TYPE_SHAREPOINT, .label = "L", .session = "t"}, PUBLIC, ""},
    {{TYPE_SHAREPOINT, .label = "A label that is too long to be shown whole"},
     {TYPE_SHAREPOINT, .label = "\x1B[2J"},
     NOTHING,
     "label: the account has \"\\x1B[2J\", the sheet has \"A label that is too long to be shown who…\""},
};

static void identity(void **state)
{
    struct connector a, b;

    (void)state;
    connector_init(&a);
    connector_init(&b);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        enum same same = pairs[i].same;

        draw(&a, &pairs[i].a);
        draw(&b, &pairs[i].b);
        assert_int_equal(connector_key_equal(&a, &b), same >= KEY);
        assert_int_equal(connector_public_equal(&a, &b), same >= PUBLIC);
        assert_int_equal(connector_equal(&a, &b), same >= ALL);
        assert_int_equal(connector_equal(&b, &a), same >= ALL);
        assert_int_equal(connector_key_hash(&a) == connector_key_hash(&b), same >= KEY);
        assert_int_equal(connector_public_hash(&a) == connector_public_hash(&b), same >= PUBLIC);
        assert_int_equal(connector_hash(&a) == connector_hash(&b), same >= ALL);
    }
    connector_release(&a);
    connector_release(&b);
}

static void differences(void **state)
{
    struct connector a, b;
    struct buf out;

    (void)state;
    connector_init(&a);
    connector_init(&b);
    buf_init(&out, 10000);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        draw(&a, &pairs[i].a);
        draw(&b, &pairs[i].b);
        buf_reset(&out);
        connector_differences(&a, &b, &out);
        assert_string_equal(buf_view(&out).data, pairs[i].differences);
        assert_int_equal(out.len == 0, pairs[i].same >= PUBLIC);
    }
    buf_release(&out);
    connector_release(&a);
    connector_release(&b);
}

/* `count` different addresses. */
static void number_addresses(char texts[][32], size_t count)
{
    for (size_t i = 0; i < count; i++)
        snprintf(texts[i], sizeof(texts[i]), "a%zu@b.c", i);
}

static void many_addresses(void **state)
{
    static char texts[EMAILS_MAX + 10][32];
    struct connector forth, back;
    struct buf out;

    (void)state;
    number_addresses(texts, COUNT(texts));
    connector_init(&forth);
    connector_init(&back);
    buf_init(&out, 10000);
    for (size_t count = 1; count < 3000; count += count < 100 ? 1 : count / 3) {
        connector_reset(&forth);
        connector_reset(&back);
        forth.type = back.type = TYPE_EMAIL;
        for (size_t i = 0; i < count; i++) {
            assert_true(connector_add_email(&forth, span_of(texts[i])));
            assert_true(connector_add_email(&back, span_of(texts[count - 1 - i])));
        }
        assert_int_equal(forth.email_count, count);
        for (size_t i = 0; i < count; i++)
            assert_false(connector_add_email(&forth, span_of(texts[i])));
        assert_false(connector_add_email(&forth, span_of("A0@B.C")));
        assert_int_equal(forth.email_count, count);
        assert_true(connector_equal(&forth, &back));
        assert_true(connector_hash(&forth) == connector_hash(&back));
        assert_true(connector_add_email(&back, span_of("one@more")));
        assert_false(connector_equal(&forth, &back));
        assert_true(connector_hash(&forth) != connector_hash(&back));
        buf_reset(&out);
        connector_differences(&forth, &back, &out);
        assert_string_equal(out.data, "allowed_emails: only in the account \"one@more\"");
    }
    connector_reset(&back);
    back.type = TYPE_EMAIL;
    buf_reset(&out);
    connector_differences(&forth, &back, &out);
    assert_non_null(
        strstr(out.data, "only in the sheet \"a0@b.c\", \"a1@b.c\", \"a2@b.c\", \"a3@b.c\", \"a4@b.c\" and "));
    buf_release(&out);
    connector_release(&forth);
    connector_release(&back);
}

/* A new address is found to be new, in tables of many fillings and contents. */
static void tables(void **state)
{
    enum { ROUNDS = 400, MOST = 60 };
    static char texts[ROUNDS * 10 + MOST + 1][32];
    struct connector connector;

    (void)state;
    number_addresses(texts, COUNT(texts));
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t count = round % MOST;

        connector_init(&connector); /* a table begins small */
        for (size_t i = 0; i <= count; i++)
            assert_true(connector_add_email(&connector, span_of(texts[round * 10 + i])));
        assert_int_equal(connector.email_count, count + 1);
        assert_false(connector_add_email(&connector, span_of(texts[round * 10 + count / 2])));
        connector_release(&connector);
    }
}

static void address_cap(void **state)
{
    static char texts[EMAILS_MAX + 10][32];
    struct connector connector;

    (void)state;
    number_addresses(texts, COUNT(texts));
    connector_init(&connector);
    connector.type = TYPE_EMAIL;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(connector_add_email(&connector, span_of(texts[i])));
    assert_int_equal(connector.email_count, EMAILS_MAX);
    assert_false(connector_add_email(&connector, span_of(texts[EMAILS_MAX - 1])));
    connector_reset(&connector);
    connector.type = TYPE_EMAIL;
    for (size_t i = 0; i < EMAILS_MAX; i++)
        connector.emails[connector.email_count++] = span_of("a@b");
    assert_true(connector_payload_size(&connector) > PAYLOAD_MAX); /* whatever they are, they do not fit */
    connector_release(&connector);
}

static void text_sizes(void **state)
{
    static const struct {
        struct span text;
        size_t size;
    } table[] = {
        {{"", 0}, 2},
        {{"abc", 3}, 5},
        {{"\"\\", 2}, 6},
        {{"\b\f\n\r\t", 5}, 12},
        {{"\0\x01\x1F", 3}, 20},
        {{"/\x7F<>&", 5}, 7},
        {{"\xC3\xA4\xE2\x82\xAC\xE2\x80\xA8", 8}, 10},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(connector_text_size(table[i].text), table[i].size);
}

/* The payloads written out, as the API gets them. */
static void payload_sizes(void **state)
{
    static const struct {
        struct sketch sketch;
        const char *payload;
    } table[] = {
        {{TYPE_EMAIL, .label = "L", .emails = {"a@b"}},
         "{\"type\":\"email\",\"label\":\"L\",\"config\":{\"allowed_emails\":[\"a@b\"]}}"},
        {{TYPE_EMAIL, .label = "\"L\"", .description = "x\ny", .share = true, .emails = {"a@b", "c@d"}},
         "{\"type\":\"email\",\"label\":\"\\\"L\\\"\",\"description\":\"x\\ny\",\"share_with_org\":true,"
         "\"config\":{\"allowed_emails\":[\"a@b\",\"c@d\"]}}"},
        {{TYPE_INVESTMENT_RESEARCH, .label = "ä", .user = "u", .password = "\\"},
         "{\"type\":\"investment_research\",\"label\":\"ä\",\"config\":{\"user_id\":\"u\",\"user_password\":\"\\\\\"}}"},
        {{TYPE_SHAREPOINT, .label = "L", .share = true, .session = "s"},
         "{\"type\":\"sharepoint\",\"label\":\"L\",\"share_with_org\":true,\"config\":{\"session_id\":\"s\"}}"},
    };
    struct connector connector;

    (void)state;
    connector_init(&connector);
    for (size_t i = 0; i < COUNT(table); i++) {
        draw(&connector, &table[i].sketch);
        assert_int_equal(connector_payload_size(&connector), strlen(table[i].payload));
    }
    connector_release(&connector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity),      cmocka_unit_test(differences), cmocka_unit_test(many_addresses),
        cmocka_unit_test(tables),        cmocka_unit_test(address_cap), cmocka_unit_test(text_sizes),
        cmocka_unit_test(payload_sizes),
    };

    return cmocka_run_group_tests_name("connector", tests, NULL, NULL);
}

#include "model/check.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NEVER "s3cret" /* what a secret begins with: in no message */

enum { CELLS_MAX = 64 };

/* Everything that a row needs, for one header at a time. */
static struct {
    struct header header;
    const char *defaults[FIELDS];
    struct row_values values;
    struct connector connector;
    struct problems problems;
    struct buf out;
} it;

/* Splits at `,`, so that `|` and `;` stay for addresses. */
static size_t split(const char *line, struct span cells[CELLS_MAX])
{
    size_t count = 0;

    for (;;) {
        size_t len = strcspn(line, ",");

        assert_in_range(count, 0, CELLS_MAX - 1);
        cells[count++] = (struct span){line, len};
        if (line[len] == '\0')
            return count;
        line += len + 1;
    }
}

static void use_header(const char *line)
{
    struct span cells[CELLS_MAX];
    const struct header_options options = {.file = "desk.csv", .line = 1, .defaults = it.defaults};
    struct buf notes;
    struct err err;
    size_t count = split(line, cells);

    header_release(&it.header);
    buf_init(&notes, 1000);
    if (!header_read(&it.header, cells, count, &options, &notes, &err))
        fail_msg("%s", err.text);
    buf_release(&notes);
}

static void read_values(const char *line)
{
    struct span cells[CELLS_MAX];

    connector_values(&it.values, &it.header, it.defaults, cells, split(line, cells));
}

static bool check(void)
{
    bool passed;

    problems_reset(&it.problems);
    passed = connector_check(&it.connector, &it.values, &it.header, &it.problems);
    assert_int_equal(passed, it.problems.set == 0);
    return passed;
}

/* What the row's check says: `codes: messages`, or "" where it passes. */
static const char *verdict(void)
{
    buf_reset(&it.out);
    if (!check()) {
        problems_codes(&it.problems, &it.out);
        buf_text(&it.out, ": ");
        problems_messages(&it.problems, &it.out);
    }
    return buf_view(&it.out).data;
}

struct expectation {
    const char *row, *verdict;
};

static void assert_verdicts(const struct expectation *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        read_values(table[i].row);
        assert_string_equal(verdict(), table[i].verdict);
        if (strstr(it.out.data != NULL ? it.out.data : "", NEVER) != NULL)
            fail_msg("a secret in: %s", it.out.data);
    }
}

#define COLUMNS "type,label,description,share_with_org,allowed_emails,user_id,user_password,session_id,desk"

static void good_rows(void **state)
{
    static const struct expectation table[] = {
        {"email,Desk A,,,jane@bank.com", ""},
        {" Email ,Desk A,any text,TRUE,jane@bank.com;joe@bank.com|x@y, , , ,EQ", ""},
        {"INVESTMENT_RESEARCH,Desk A,,no,,u1,s3cret", ""},
        {"sharepoint,Desk\tA\r\nB,,0,,,,s3cret,,,", ""},
        {"sharepoint,Ä€😀,,n,,,,s3cret", ""},
    };

    (void)state;
    use_header(COLUMNS);
    assert_verdicts(table, COUNT(table));
}

static void missing_and_unknown(void **state)
{
    static const struct expectation table[] = {
        {",Desk A", "missing_type: column A \"type\": empty, write email, investment_research or sharepoint"},
        {"e-mail,Desk A", "unknown_type: column A \"type\": \"e-mail\" is not a type (email, investment_research or "
                          "sharepoint), did you mean \"email\"?"},
        {"Investment Research,Desk A,,,,y", "unknown_type: column A \"type\": \"Investment Research\" is not a type "
                                            "(email, investment_research or sharepoint), did you mean "
                                            "\"investment_research\"?"},
        {"rss,Desk A",
         "unknown_type: column A \"type\": \"rss\" is not a type (email, investment_research or sharepoint)"},
        {"foo,,,maybe,bad a@x.org A@x.org,u,p\x01,s",
         "unknown_type;missing_label;invalid_email;duplicate_email;invalid_boolean;invalid_text: column A \"type\": "
         "\"foo\" is not a type (email, investment_research or sharepoint); column B \"label\": empty, every connector "
         "needs one; column E \"allowed_emails\": \"bad\" is not an e-mail address; column E \"allowed_emails\": "
         "\"A@x.org\" is there more than once; column D \"share_with_org\": \"maybe\" is neither true nor false (write "
         "true/false, yes/no, y/n or 1/0, empty is false); column G \"user_password\": the value has a character that "
         "no text may have, U+0001 (a control character)"},
        {"email,\xC2\xA0 ,,,a@b", "missing_label: column B \"label\": empty, every connector needs one"},
        {"email,Desk A", "missing_allowed_emails: column E \"allowed_emails\": empty"},
        {"email,Desk A,,, ; |", "missing_allowed_emails: column E \"allowed_emails\": empty"},
        {"investment_research,Desk A", "missing_user_id;missing_user_password: column F \"user_id\": empty; "
                                       "column G \"user_password\": empty"},
        {"sharepoint,Desk A", "missing_session_id: column H \"session_id\": empty"},
        {"", "missing_type;missing_label: column A \"type\": empty, write email, investment_research or sharepoint; "
             "column B \"label\": empty, every connector needs one"},
    };

    (void)state;
    use_header(COLUMNS);
    assert_verdicts(table, COUNT(table));
}

static void addresses(void **state)
{
    static const struct expectation table[] = {
        {"email,L,,,jane@", "invalid_email: column E \"allowed_emails\": \"jane@\" is not an e-mail address"},
        {"email,L,,,jane@;a@b;bob;jane@", "invalid_email: column E \"allowed_emails\": \"jane@\" and \"bob\" are not "
                                          "e-mail addresses"},
        {"email,L,,,a b c d e f g h", "invalid_email: column E \"allowed_emails\": \"a\", \"b\", \"c\", \"d\", \"e\" "
                                      "and 3 more are not e-mail addresses"},
        {"email,L,,,a b c d e", "invalid_email: column E \"allowed_emails\": \"a\", \"b\", \"c\", \"d\" and \"e\" are "
                                "not e-mail addresses"},
        {"email,L,,,Jane <jane@bank.com>",
         "invalid_email: column E \"allowed_emails\": \"Jane\" and \"<jane@bank.com>\" are not e-mail addresses (write "
         "\"jane@bank.com\")"},
        {"email,L,,,Jane <jane@>",
         "invalid_email: column E \"allowed_emails\": \"Jane\" and \"<jane@>\" are not e-mail addresses (write "
         "addresses alone, without names and angle brackets)"},
        {"email,L,,,Jane <mailto:jane@bank.com>;<bob@bank.com>",
         "invalid_email: column E \"allowed_emails\": \"Jane\", \"<mailto:jane@bank.com>\" and \"<bob@bank.com>\" are not "
         "e-mail addresses (write \"jane@bank.com;bob@bank.com\")"},
        {"email,L,,,jane@bank.com\uFF1Bbob@bank.com\u3001joe\uFF20bank\uFF0Ecom",
         "invalid_email: column E \"allowed_emails\": \"jane@bank.com\uFF1Bbob@bank.com\u3001joe\uFF20bank\uFF0Ecom\" is not an "
         "e-mail address (write \"jane@bank.com;bob@bank.com;joe@bank.com\")"},
        {"email,L,,,\uFF1Bx\uFF0C",
         "invalid_email: column E \"allowed_emails\": \"\uFF1Bx\uFF0C\" is not an e-mail address"},
        {"email,L,,,x@y MailTo:jane@bank.com",
         "invalid_email: column E \"allowed_emails\": \"MailTo:jane@bank.com\" is "
         "not an e-mail address (write \"jane@bank.com\")"},
        {"email,L,,,a@b;c@d;A@B;a@B;c@d", "duplicate_email: column E \"allowed_emails\": \"A@B\", \"a@B\" and "
                                          "\"c@d\" are there more than once"},
        {"email,L,,,a@b;x;a@b", "invalid_email;duplicate_email: column E \"allowed_emails\": \"x\" is not an e-mail "
                                "address; column E \"allowed_emails\": \"a@b\" is there more than once"},
        {"email,L,,,\x1B[2J", "invalid_email: column E \"allowed_emails\": \"\\x1B[2J\" is not an e-mail address"},
        {"email,L,,,0123456789012345678901234567890123456789012345678901234567890@",
         "invalid_email: column E \"allowed_emails\": \"012345678901234567890123456789012345678901234567890123456789…\""
         " is not an e-mail address"},
    };

    (void)state;
    use_header(COLUMNS);
    assert_verdicts(table, COUNT(table));
}

static void booleans(void **state)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true},   {"TRUE", true}, {"Yes", true}, {"y", true},  {"1", true}, {" true ", true},
        {"false", false}, {"No", false},  {"N", false},  {"0", false}, {"", false}, {" \xC2\xA0", false},
    };
    static const struct expectation table[] = {
        {"sharepoint,L,,oui,,,,x", "invalid_boolean: column D \"share_with_org\": \"oui\" is neither true nor false "
                                   "(write true/false, yes/no, y/n or 1/0, empty is false)"},
        {",L,,WAHR", "missing_type;invalid_boolean: column A \"type\": empty, write email, investment_research or "
                     "sharepoint; column D \"share_with_org\": \"WAHR\" is neither true nor false (write true/false, "
                     "yes/no, y/n or 1/0, empty is false)"},
    };

    (void)state;
    use_header(COLUMNS);
    for (size_t i = 0; i < COUNT(words); i++) {
        char row[64];

        snprintf(row, sizeof(row), "sharepoint,L,,%s,,,,x", words[i].word);
        read_values(row);
        assert_true(check());
        assert_int_equal(it.connector.share_with_org, words[i].value);
    }
    assert_verdicts(table, COUNT(table));
}

static void other_types_fields(void **state)
{
    static const struct expectation table[] = {
        {"email,L,,,a@b,u1",
         "field_not_for_type: column F \"user_id\": type email takes no user_id, leave it empty (it says \"u1\")"},
        {"email,L,,,a@b,,s3cret,s3cret",
         "field_not_for_type: column G \"user_password\": type email takes no user_password, leave it empty; column H "
         "\"session_id\": type email takes no session_id, leave it empty"},
        {"sharepoint,L,,,a@b,,,s3cret", "field_not_for_type: column E \"allowed_emails\": type sharepoint takes no "
                                        "allowed_emails, leave it empty (it says \"a@b\")"},
    };

    (void)state;
    use_header(COLUMNS);
    assert_verdicts(table, COUNT(table));
}

static void bad_texts(void **state)
{
    static const struct expectation table[] = {
        {"sharepoint,Desk\aA,,,,,,x", "invalid_text: column B \"label\": \"Desk\\x07A\" has a character that no text "
                                      "may have, U+0007 (a control character)"},
        {"sharepoint,\x7F,\xC2\x84,,,,,x",
         "invalid_text: column B \"label\": \"\\x7F\" has a character that no text may have, U+007F (a control "
         "character); column C \"description\": \"\\x84\" has a character that no text may have, U+0084 (a control "
         "character; probably Windows-1252 read as Latin-1: save again as UTF-8)"},
        {"sharepoint,L,,,,,,s3cret\x01", "invalid_text: column H \"session_id\": the value has a character that no "
                                         "text may have, U+0001 (a control character)"},
        {"sharepoint,a\xEF\xBF\xBE,,,,,,x", "invalid_text: column B \"label\": \"a\xEF\xBF\xBE\" has a character that "
                                            "no text may have, U+FFFE"},
        {"sharepoint,L,\xEF\xB7\x90,,,,,x", "invalid_text: column C \"description\": \"\xEF\xB7\x90\" has a character "
                                            "that no text may have, U+FDD0"},
        {"sharepoint,L,\xF4\x8F\xBF\xBF,,,,,x", "invalid_text: column C \"description\": \"\xF4\x8F\xBF\xBF\" has a "
                                                "character that no text may have, U+10FFFF"},
        {"sharepoint,L,a\xFF,,,,,x", "invalid_text: column C \"description\": \"a\\xFF\" is not UTF-8 text"},
        {"investment_research,L,,,,u\x02,s3cret\xC3",
         "invalid_text: column F \"user_id\": \"u\\x02\" has a character that no text may have, U+0002 (a control "
         "character); column G \"user_password\": the value is not UTF-8 text"},
    };

    (void)state;
    use_header(COLUMNS);
    assert_verdicts(table, COUNT(table));
}

static void too_many_cells(void **state)
{
    static const struct expectation table[] = {
        {"sharepoint,L,,,,,,x,EQ, ,\xC2\xA0,", ""},
        {"sharepoint,L,,,,,,x,EQ,s3cret",
         "too_many_fields: column J: 1 cell beyond the header's last column (a value that contains the delimiter must "
         "stand in double quotes)"},
        {"sharepoint,L,,,,,,x,EQ,,s3cret,,",
         "too_many_fields: columns J to K: 2 cells beyond the header's last column (a value that contains the "
         "delimiter must stand in double quotes)"},
    };

    (void)state;
    use_header(COLUMNS);
    assert_verdicts(table, COUNT(table));
}

/* In a result file the eight columns are no cells too many. */
static void result_rows(void **state)
{
    static const struct expectation table[] = {
        {"sharepoint,L,x,failed,,,503,busy,try again,5,", ""},
        {"sharepoint,L,x,failed,,,503,busy,try again,5,,z",
         "too_many_fields: column L: 1 cell beyond the header's last column (a value that contains the delimiter must "
         "stand in double quotes)"},
    };

    (void)state;
    use_header("type,label,session_id,status,connector_id,inbox_email,http_status,error_code,error_message,attempts,"
               "created_at");
    assert_verdicts(table, COUNT(table));
}

/* A comma without quotes shifts a secret to the right: nothing there is quoted. */
static void shifted_secrets(void **state)
{
    static const struct expectation table[] = {
        {"investment_research,Desk,A,u1,s3cret",
         "invalid_boolean: column E \"share_with_org\": the value is neither true nor false (write true/false, yes/no, "
         "y/n or 1/0, empty is false)"},
        {"investment_research,L,u1,pw,s3cret,x s3cret",
         "invalid_boolean;field_not_for_type: column E \"share_with_org\": the value is neither true nor false (write "
         "true/false, yes/no, y/n or 1/0, empty is false); column F \"allowed_emails\": type investment_research takes "
         "no allowed_emails, leave it empty"},
        {"email,L,,,maybe,x",
         "invalid_email;invalid_boolean: column F \"allowed_emails\": \"x\" is not an e-mail address; column E "
         "\"share_with_org\": \"maybe\" is neither true nor false (write true/false, yes/no, y/n or 1/0, empty is "
         "false)"},
        {"email,L,,pw,s3cret,s3cret s3cret2 a@b",
         "invalid_email;invalid_boolean;field_not_for_type: column F \"allowed_emails\": 2 of the values are not "
         "e-mail addresses; column E \"share_with_org\": the value is neither true nor false (write true/false, "
         "yes/no, y/n or 1/0, empty is false); column D \"user_password\": type email takes no user_password, leave it "
         "empty"},
    };

    (void)state;
    use_header("type,label,user_id,user_password,share_with_org,allowed_emails");
    assert_verdicts(table, COUNT(table));
    use_header("label,user_password,type");
    read_values("Desk,A,s3cret");
    assert_string_equal(verdict(), "unknown_type: column C \"type\": the value is not a type (email, "
                                   "investment_research or sharepoint)");
}

static void without_columns(void **state)
{
    static const struct expectation table[] = {
        {"email,L,a@b",
         "missing_allowed_emails: column \"allowed_emails\": not in the sheet, type email needs it (is it column C "
         "\"e-mails\"? Then rename that to \"allowed_emails\" or add --map allowed_emails=\"e-mails\")"},
        {"sharepoint,L,",
         "missing_session_id: column \"session_id\": not in the sheet, type sharepoint needs it (add it, or name the "
         "column that holds it with --map session_id=COLUMN)"},
    };

    (void)state;
    use_header("type,label,e-mails");
    assert_verdicts(table, COUNT(table));
}

static void unresolved_secrets(void **state)
{
    (void)state;
    use_header(COLUMNS);
    read_values("investment_research,L,,,,u1");
    it.values.unresolved[FIELD_USER_PASSWORD] = "env:BROKER is not set";
    assert_string_equal(verdict(), "secret_unresolved: column G \"user_password\": env:BROKER is not set");
    read_values("investment_research,L,,,,,env:BROKER");
    it.values.unresolved[FIELD_USER_PASSWORD] = "env:BROKER is not set";
    assert_string_equal(
        verdict(),
        "missing_user_id;secret_unresolved: column F \"user_id\": empty; column G \"user_password\": env:BROKER is not set");
}

static void defaults(void **state)
{
    (void)state;
    it.defaults[FIELD_TYPE] = "sharepoint";
    it.defaults[FIELD_LABEL] = " ";
    it.defaults[FIELD_SHARE_WITH_ORG] = "vrai";
    it.defaults[FIELD_ALLOWED_EMAILS] = "a@b";
    it.defaults[FIELD_SESSION_ID] = "abc";
    use_header("type,label,share_with_org");
    read_values(" ,L,no");
    assert_true(check());
    assert_int_equal(it.connector.type, TYPE_SHAREPOINT);
    assert_int_equal(it.connector.session_id.len, 3);
    assert_true(it.values.defaulted[FIELD_SESSION_ID]);
    assert_false(it.values.defaulted[FIELD_SHARE_WITH_ORG]);
    read_values("email,L,yes");
    assert_true(check());
    assert_int_equal(it.connector.email_count, 1);
    assert_int_equal(it.values.value[FIELD_SESSION_ID].len, 0); /* not of this row's type */
    read_values("email,,");
    assert_string_equal(verdict(), "missing_label;invalid_boolean: column B \"label\": empty, every connector needs "
                                   "one; --default share_with_org: \"vrai\" is neither true nor false (write "
                                   "true/false, yes/no, y/n or 1/0, empty is false)");
    read_values("rss,L,1");
    assert_false(check());
    assert_false(it.values.defaulted[FIELD_ALLOWED_EMAILS]);
    memset(it.defaults, 0, sizeof(it.defaults));
}

/* A row whose payload is `size` bytes; the longest field is in column `field`. Owned by the caller. */
static char *sized_row(size_t size, const char *before, const char *after, size_t fixed)
{
    char *row = alloc_bytes(size + 100);
    int at = sprintf(row, "%s", before);

    memset(row + at, 'x', size - fixed);
    memcpy(row + (size_t)at + (size - fixed), after, strlen(after) + 1);
    return row;
}

static void large_payloads(void **state)
{
    static const char around[] = "{\"type\":\"sharepoint\",\"label\":\"L\",\"description\":\"\","
                                 "\"config\":{\"session_id\":\"y\"}}";
    char *row = sized_row(PAYLOAD_MAX, "sharepoint,L,", ",,,,,y", sizeof(around) - 1);

    (void)state;
    use_header(COLUMNS);
    read_values(row);
    assert_true(check());
    assert_int_equal(connector_payload_size(&it.connector), PAYLOAD_MAX);
    free(row);
    row = sized_row(PAYLOAD_MAX + 1, "sharepoint,L,", ",,,,,y", sizeof(around) - 1);
    read_values(row);
    assert_string_equal(verdict(), "payload_too_large: column C \"description\": the row's request would have 65537 "
                                   "bytes, and the API takes at most 65536");
    memset(strchr(row, 'x'), '"', 40000);
    read_values(row);
    assert_string_equal(verdict(), "payload_too_large: column C \"description\": the row's request would have 105537 "
                                   "bytes, and the API takes at most 65536");
    free(row);
}

static void too_many_addresses(void **state)
{
    enum { ADDRESSES = 2 * EMAILS_MAX };
    char *row = alloc_bytes(ADDRESSES * 16 + 100);
    int at = sprintf(row, "email,L,,,");

    (void)state;
    for (int i = 0; i < ADDRESSES; i++)
        at += sprintf(row + at, "%d@b ", i);
    use_header(COLUMNS);
    read_values(row);
    assert_false(check());
    assert_int_equal(it.problems.set, 1U << CHECK_PAYLOAD_TOO_LARGE);
    assert_non_null(strstr(it.problems.messages[CHECK_PAYLOAD_TOO_LARGE].data, " bytes or more"));
    free(row);
}

/* Label and user without the blanks around them, other texts as they came; nothing of an earlier row. */
static void fills_the_connector(void **state)
{
    (void)state;
    use_header(COLUMNS);
    read_values("investment_research,\u00A0L ,D ,1,, u\u200B, p ");
    assert_true(check());
    assert_true(span_equal(it.connector.label, span_of("L")));
    assert_true(span_equal(it.connector.description, span_of("D ")));
    assert_true(span_equal(it.connector.user_id, span_of("u")));
    assert_true(span_equal(it.connector.user_password, span_of(" p ")));
    assert_true(it.connector.share_with_org);
    read_values("email,L, ,,x@y;a@b");
    assert_true(check());
    assert_int_equal(it.connector.description.len, 0);
    assert_int_equal(it.connector.user_id.len, 0);
    assert_false(it.connector.share_with_org);
    assert_int_equal(it.connector.email_count, 2);
    assert_true(span_equal(it.connector.emails[0], span_of("x@y")));
}

static void collects_problems(void **state)
{
    (void)state;
    problems_reset(&it.problems);
    buf_text(problems_add(&it.problems, CHECK_DUPLICATE_ROW), "same as line 4");
    buf_text(problems_add(&it.problems, CHECK_MISSING_LABEL), "b");
    buf_text(problems_add(&it.problems, CHECK_MISSING_LABEL), "c");
    buf_reset(&it.out);
    problems_codes(&it.problems, &it.out);
    buf_char(&it.out, '\n');
    problems_messages(&it.problems, &it.out);
    assert_string_equal(it.out.data, "missing_label;duplicate_row\nb; c; same as line 4");
    problems_reset(&it.problems);
    buf_text(problems_add(&it.problems, CHECK_MISSING_LABEL), "d");
    buf_reset(&it.out);
    problems_messages(&it.problems, &it.out);
    assert_string_equal(it.out.data, "d");
    assert_string_equal(check_name(CHECK_INVALID_TEXT), "invalid_text");
}

static int begin(void **state)
{
    (void)state;
    connector_init(&it.connector);
    problems_init(&it.problems);
    buf_init(&it.out, 100000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    header_release(&it.header);
    connector_release(&it.connector);
    problems_release(&it.problems);
    buf_release(&it.out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_rows),           cmocka_unit_test(missing_and_unknown),
        cmocka_unit_test(addresses),           cmocka_unit_test(booleans),
        cmocka_unit_test(other_types_fields),  cmocka_unit_test(bad_texts),
        cmocka_unit_test(too_many_cells),      cmocka_unit_test(result_rows),
        cmocka_unit_test(shifted_secrets),     cmocka_unit_test(without_columns),
        cmocka_unit_test(unresolved_secrets),  cmocka_unit_test(defaults),
        cmocka_unit_test(large_payloads),      cmocka_unit_test(too_many_addresses),
        cmocka_unit_test(fills_the_connector), cmocka_unit_test(collects_problems),
    };

    return cmocka_run_group_tests_name("check", tests, begin, end);
}

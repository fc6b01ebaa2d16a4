#include "model/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void names_come_back(void **state)
{
    (void)state;
    for (enum field field = 0; field < FIELDS; field++) {
        assert_int_equal(field_named(span_of(field_name(field))), field);
        assert_ptr_equal(field_names()[field], field_name(field));
    }
    for (enum connector_type type = TYPE_EMAIL; type < CONNECTOR_TYPES; type++) {
        assert_int_equal(type_named(span_of(type_name(type))), type);
        assert_ptr_equal(type_names()[type - TYPE_EMAIL], type_name(type));
        assert_non_null(strstr(type_list(), type_name(type)));
    }
    assert_string_equal(type_name(TYPE_NONE), "");
}

static void names_as_people_write_them(void **state)
{
    static const struct {
        const char *name;
        enum field field;
    } table[] = {
        {"allowed emails", FIELD_ALLOWED_EMAILS},
        {"Allowed-Emails", FIELD_ALLOWED_EMAILS},
        {"ALLOWEDEMAILS", FIELD_ALLOWED_EMAILS},
        {"  Allowed\r\nEmails\t", FIELD_ALLOWED_EMAILS},
        {"allowed\xC2\xA0"
         "emails",
         FIELD_ALLOWED_EMAILS},
        {"allowed\xE2\x80\xAF"
         "emails",
         FIELD_ALLOWED_EMAILS},
        {"\xEF\xBB\xBFtype", FIELD_TYPE},
        {"\xE2\x80\x8BType\xE2\x80\x8B", FIELD_TYPE},
        {"__t_y_p_e__", FIELD_TYPE},
        {"User ID", FIELD_USER_ID},
        {"allowed.emails", FIELDS},
        {"allowed_email", FIELDS},
        {"types", FIELDS},
        {"typ\xC2", FIELDS},
        {"", FIELDS},
        {" - ", FIELDS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(field_named(span_of(table[i].name)), table[i].field);
}

static void any_two_names(void **state)
{
    (void)state;
    assert_true(field_names_match(span_of("Desk Name"), span_of("desk_name")));
    assert_true(field_names_match(span_of("Größe"), span_of("größe")));
    assert_false(field_names_match(span_of("Desk"), span_of("Desk 2")));
    assert_true(field_name_is_empty(span_of("")));
    assert_true(field_name_is_empty(span_of(" _-\xC2\xA0")));
    assert_false(field_name_is_empty(span_of(".")));
}

static void guesses(void **state)
{
    static const struct {
        const char *name;
        enum field misspelt, meant;
    } table[] = {
        {"Lable", FIELD_LABEL, FIELD_LABEL},
        {"Alowed E-Mail", FIELD_ALLOWED_EMAILS, FIELD_ALLOWED_EMAILS},
        {"user passwort", FIELD_USER_PASSWORD, FIELD_USER_PASSWORD},
        {"share with orgs", FIELD_SHARE_WITH_ORG, FIELD_SHARE_WITH_ORG},
        {"E-Mails", FIELDS, FIELD_ALLOWED_EMAILS},
        {"Password", FIELDS, FIELD_USER_PASSWORD},
        {"Name", FIELDS, FIELD_LABEL},
        {"cost centre", FIELDS, FIELDS},
        {"desk", FIELDS, FIELDS},
        {"trader", FIELDS, FIELDS},
        {"", FIELDS, FIELDS},
        {"type type type type type type type type type", FIELDS, FIELDS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_int_equal(field_misspelt(span_of(table[i].name)), table[i].misspelt);
        assert_int_equal(field_meant(span_of(table[i].name)), table[i].meant);
    }
}

/* A field a line: the types that take it (email, investment_research, sharepoint), required, secret. */
static void who_takes_what(void **state)
{
    static const struct {
        bool takes[CONNECTOR_TYPES];
        bool required, secret;
    } table[FIELDS] = {
        [FIELD_TYPE] = {{true, true, true, true}, true, false},
        [FIELD_LABEL] = {{true, true, true, true}, true, false},
        [FIELD_DESCRIPTION] = {{true, true, true, true}, false, false},
        [FIELD_SHARE_WITH_ORG] = {{true, true, true, true}, false, false},
        [FIELD_ALLOWED_EMAILS] = {{false, true, false, false}, true, false},
        [FIELD_USER_ID] = {{false, false, true, false}, true, false},
        [FIELD_USER_PASSWORD] = {{false, false, true, false}, true, true},
        [FIELD_SESSION_ID] = {{false, false, false, true}, true, true},
    };

    (void)state;
    for (enum field field = 0; field < FIELDS; field++) {
        assert_int_equal(field_is_secret(field), table[field].secret);
        for (enum connector_type type = TYPE_NONE; type < CONNECTOR_TYPES; type++) {
            assert_int_equal(field_fits_type(field, type), table[field].takes[type]);
            assert_int_equal(field_is_required(field, type), table[field].takes[type] && table[field].required);
        }
    }
}

static void types_as_people_write_them(void **state)
{
    (void)state;
    assert_int_equal(type_named(span_of(" EMAIL\n")), TYPE_EMAIL);
    assert_int_equal(type_named(span_of("Investment_Research")), TYPE_INVESTMENT_RESEARCH);
    assert_int_equal(type_named(span_of("SharePoint\xC2\xA0")), TYPE_SHAREPOINT);
    assert_int_equal(type_named(span_of("e-mail")), TYPE_NONE);
    assert_int_equal(type_named(span_of("investment research")), TYPE_NONE);
    assert_int_equal(type_named(span_of("")), TYPE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_back), cmocka_unit_test(names_as_people_write_them),
        cmocka_unit_test(any_two_names),   cmocka_unit_test(guesses),
        cmocka_unit_test(who_takes_what),  cmocka_unit_test(types_as_people_write_them),
    };

    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}

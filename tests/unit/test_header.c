#include "model/header.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define RESULTS "status,connector_id,inbox_email,http_status,error_code,error_message,attempts,created_at"

enum { CELLS_MAX = 64 };

/* One reading of the header `line`, its cells split at commas, with up to two --map and the --default for `type`. */
struct reading {
    const char *line;
    struct header_map maps[2];
    const char *default_type;
    char given; /* by --delimiter */
    bool results_only;
};

static struct header header;
static struct buf notes;
static struct err err;

static bool read_header(const struct reading *reading)
{
    struct span cells[CELLS_MAX];
    size_t count = 0;
    const char *defaults[FIELDS] = {[FIELD_TYPE] = reading->default_type};
    struct header_options options = {
        .file = "desk.csv",
        .line = 1,
        .maps = reading->maps,
        .defaults = defaults,
        .delimiter = reading->given != '\0' ? reading->given : ',',
        .delimiter_given = reading->given != '\0',
        .results_only = reading->results_only,
    };

    for (const char *at = reading->line;; at++) {
        size_t len = strcspn(at, ",");

        assert_in_range(count, 0, CELLS_MAX - 1);
        cells[count++] = (struct span){at, len};
        at += len;
        if (*at == '\0')
            break;
    }
    while (options.map_count < COUNT(reading->maps) && reading->maps[options.map_count].column != NULL)
        options.map_count++;
    buf_reset(&notes);
    err.text[0] = '\0';
    return header_read(&header, cells, count, &options, &notes, &err);
}

/* The fields' columns as letters in the order of the fields, `-` for those without one. */
static void assert_columns(const struct reading *reading, const char *expected)
{
    char columns[FIELDS + 1] = {0};

    if (!read_header(reading))
        fail_msg("%s: %s", reading->line, err.text);
    for (enum field field = 0; field < FIELDS; field++)
        columns[field] = (char)(header.column[field] < 0 ? '-' : 'A' + header.column[field]);
    assert_string_equal(columns, expected);
    for (enum field field = 0; field < FIELDS; field++)
        assert_int_equal(header.names[field] != NULL, header.column[field] >= 0);
    header_release(&header);
}

static void finds_columns(void **state)
{
    static const struct {
        struct reading reading;
        const char *columns;
    } table[] = {
        {{.line = "type,label,description,share_with_org,allowed_emails,user_id,user_password,session_id"}, "ABCDEFGH"},
        {{.line = "Desk,Allowed Emails,LABEL,,Type,trader,,"}, "EC--B---"},
        {{.line = "\xEF\xBB\xBFtype,label\xC2\xA0,User-ID"}, "AB---C--"},
        {{.line = "type,name", .maps = {{FIELD_LABEL, "Name"}}}, "AB------"},
        {{.line = "type,label,name", .maps = {{FIELD_LABEL, "name"}}}, "AC------"},
        {{.line = "type,Name,name", .maps = {{FIELD_LABEL, "name"}}}, "AC------"},
        {{.line = "type,label", .maps = {{FIELD_TYPE, "label"}, {FIELD_LABEL, "type"}}}, "BA------"},
        {{.line = "label", .default_type = "email"}, "-A------"},
        {{.line = "type,label," RESULTS}, "AB------"},
        {{.line = "type,label," RESULTS ",,"}, "AB------"},
        {{.line = "type,label,Status,error"}, "AB------"},
        {{.line = "desk," RESULTS, .results_only = true}, "--------"},
        {{.line = "label,Label,x,x,PW," RESULTS, .results_only = true, .maps = {{FIELD_USER_PASSWORD, "PW"}}},
         "-A----E-"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_columns(&table[i].reading, table[i].columns);
}

static void knows_results(void **state)
{
    static const struct {
        const char *line;
        bool is_result;
        size_t columns, width;
    } table[] = {
        {"type,label", false, 2, 2},
        {"type,label,,", false, 4, 4},
        {"type,label," RESULTS, true, 2, 10},
        {"type,label,," RESULTS ",,", true, 3, 11},
        {"type,label, status ,connector_id,inbox_email,http_status,error_code,error_message,attempts,created_at", true,
         2, 10},
        {"type,label,Status,Connector Id,Inbox-Email,HTTP STATUS,errorCode,Error Message,Attempts,Created at", true, 2,
         10},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_true(read_header(&(struct reading){.line = table[i].line}));
        assert_int_equal(header.is_result, table[i].is_result);
        assert_int_equal(header.columns, table[i].columns);
        assert_int_equal(header_width(&header), table[i].width);
        header_release(&header);
    }
}

#define DATA "the first row holds data: put a row of column names above it, such as type, label and allowed_emails"

static const struct {
    struct reading reading;
    enum exit_code code;
    const char *sentence; /* after `desk.csv:1: ` */
} refusals[] = {
    {{.line = "desk,region"},
     EXIT_INPUT,
     "none of these columns is known: the first row must be the header and name the columns, such as type, label "
     "and allowed_emails (--map FIELD=COLUMN takes a column of another name)"},
    {{.line = "email,subject"},
     EXIT_INPUT,
     "none of these columns is known: the first row must be the header and name the columns, such as type, label "
     "and allowed_emails (--map FIELD=COLUMN takes a column of another name)"},
    {{.line = "email,Desk A,jane@bank.com"}, EXIT_INPUT, DATA},
    {{.line = "email,My label,a@b.example"}, EXIT_INPUT, DATA},
    {{.line = "SharePoint,Deals,s-1"}, EXIT_INPUT, DATA},
    {{.line = "type|label|allowed_emails"},
     EXIT_INPUT,
     "none of these columns is known: the header is one cell; it seems to be separated by |: add --delimiter '|'"},
    {{.line = "Type;Label;desk", .given = '|'},
     EXIT_INPUT,
     "none of these columns is known: with --delimiter '|' the header is one cell; leave --delimiter out"},
    {{.line = "type:label", .given = '\t', .maps = {{FIELD_LABEL, "x"}}},
     EXIT_INPUT,
     "none of these columns is known: with --delimiter tab the header is one cell; it seems to be separated by :: add "
     "--delimiter :"},
    {{.line = "x,Type", .maps = {{FIELD_LABEL, "type"}}},
     EXIT_USAGE,
     "no column \"type\": column B \"Type\" is taken by --map label=\"Type\""},
    {{.line = "allowed_emails,desk"},
     EXIT_INPUT,
     "no column \"type\": add it, or name the column that holds it with --map type=COLUMN, or give every row the "
     "same with --default type=VALUE; no column \"label\": add it, or name the column that holds it with --map "
     "label=COLUMN, or give every row the same with --default label=VALUE"},
    {{.line = "type,Lable"},
     EXIT_INPUT,
     "no column \"label\": is it column B \"Lable\"? Then rename that to \"label\" or add --map label=\"Lable\""},
    {{.line = "type, \"label\""},
     EXIT_INPUT,
     "no column \"label\": in column B a blank stands before the quote: remove that blank"},
    {{.line = "type,name"},
     EXIT_INPUT,
     "no column \"label\": is it column B \"name\"? Then rename that to \"label\" or add --map label=\"name\""},
    {{.line = "type,label,Label"},
     EXIT_INPUT,
     "column B \"label\" and column C \"Label\" are both label: rename or remove one, or choose with --map "
     "label=COLUMN"},
    {{.line = "type,label,desk,desk"},
     EXIT_INPUT,
     "columns C and D have the same name: rename them or remove all but one"},
    {{.line = "type,label,a,b,a,a,b"},
     EXIT_INPUT,
     "columns C, E and F have the same name: rename them or remove all but one; columns D and G have the same name: "
     "rename them or remove all but one"},
    {{.line = "type,label,x,x,x,x,x,x,x"},
     EXIT_INPUT,
     "columns C, D, E, F, G and 2 more have the same name: rename them or remove all but one"},
    {{.line = "type,label,status"},
     EXIT_INPUT,
     "column C \"status\": that name is kept for results: rename it, or, if this is a result file, put its last "
     "eight columns back as " RESULTS},
    {{.line = "type,label,attempts,connector_id," RESULTS},
     EXIT_INPUT,
     "column C \"attempts\", column D \"connector_id\": those names are kept for results: rename them, or, if this "
     "is a result file, put its last eight columns back as " RESULTS},
    {{.line = "type,label,name", .maps = {{FIELD_LABEL, "nmae"}}},
     EXIT_USAGE,
     "--map label=nmae: no column is named that, did you mean column C \"name\"?"},
    {{.line = "type,label", .maps = {{FIELD_USER_ID, "trader"}}},
     EXIT_USAGE,
     "--map user_id=trader: no column is named that"},
    {{.line = "type,label,", .maps = {{FIELD_USER_ID, ""}}}, EXIT_USAGE, "--map user_id=: no column is named that"},
    {{.line = "type,x,y", .maps = {{FIELD_LABEL, "x"}, {FIELD_LABEL, "y"}}},
     EXIT_USAGE,
     "--map label=y: column B is mapped to label already"},
    {{.line = "type,x", .maps = {{FIELD_LABEL, "x"}, {FIELD_USER_ID, "X"}}},
     EXIT_USAGE,
     "--map user_id=X: column B is mapped to label already"},
    {{.line = "type,a b,A-B", .maps = {{FIELD_LABEL, "ab"}}},
     EXIT_USAGE,
     "--map label=ab: columns B and C are both named that, rename one of them"},
    {{.line = "typ,desk,desk", .maps = {{FIELD_LABEL, "x"}}},
     EXIT_USAGE,
     "--map label=x: no column is named that; no column \"type\": is it column A \"typ\"? Then rename that to "
     "\"type\" or add --map type=\"typ\"; columns B and C have the same name: rename them or remove all but one"},
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        static const char where[] = "desk.csv:1: ";

        assert_false(read_header(&refusals[i].reading));
        assert_memory_equal(err.text, where, sizeof(where) - 1);
        assert_string_equal(err.text + sizeof(where) - 1, refusals[i].sentence);
        assert_int_equal(err.code, refusals[i].code);
        assert_null(header.names[FIELD_TYPE]);
    }
}

static void refuses_no_cells(void **state)
{
    const struct header_options options = {.file = "desk.csv", .line = 3};

    (void)state;
    assert_false(header_read(&header, NULL, 0, &options, &notes, &err));
    assert_memory_equal(err.text, "desk.csv:3: none of these columns is known", 42);
}

static void refuses_a_million_columns(void **state)
{
    struct span *cells = calloc(HEADER_COLUMNS_MAX + 1, sizeof(*cells));
    const struct header_options options = {.file = "desk.csv", .line = 1};

    (void)state;
    cells[0] = span_of("type");
    cells[1] = span_of("label");
    assert_true(header_read(&header, cells, HEADER_COLUMNS_MAX, &options, &notes, &err));
    header_release(&header);
    assert_false(header_read(&header, cells, HEADER_COLUMNS_MAX + 1, &options, &notes, &err));
    assert_string_equal(
        err.text, "desk.csv:1: the sheet has 16385 columns, and 16384 are the most: remove those that are not needed");
    free(cells);
}

static void advises(void **state)
{
    static const struct {
        struct reading reading;
        const char *notes;
    } table[] = {
        {{.line = "type,label,alowed emails,User Pasword"},
         "desk.csv:1: column C \"alowed emails\" is not read; did you mean \"allowed_emails\"?\n"
         "desk.csv:1: column D \"User Pasword\" is not read; did you mean \"user_password\"?\n"},
        {{.line = "type,label,allowed_emails,alowed_emails"}, ""},
        {{.line = "type,label,desk,trader,cost centre,name,email"}, ""},
        {{.line = "typ,label," RESULTS, .results_only = true}, ""},
        {{.line = "typ,label", .default_type = "email"},
         "desk.csv:1: column A \"typ\" is not read; did you mean \"type\"?\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_true(read_header(&table[i].reading));
        assert_string_equal(buf_view(&notes).data, table[i].notes);
        header_release(&header);
    }
}

static void shows_columns(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_true(read_header(&(struct reading){.line = "type,label, Allowed\nEmails \x1B,e-mail,password"}));
    header_show_column(&header, FIELD_LABEL, &out);
    assert_string_equal(out.data, "column B \"label\"");
    buf_reset(&out);
    header_show_column(&header, FIELD_USER_ID, &out);
    assert_string_equal(out.data, "column \"user_id\"");
    buf_reset(&out);
    header_show_remedy(&header, FIELD_USER_ID, &out);
    assert_string_equal(out.data, "add it, or name the column that holds it with --map user_id=COLUMN, or give every "
                                  "row the same with --default user_id=VALUE");
    buf_reset(&out);
    header_show_remedy(&header, FIELD_SESSION_ID, &out);
    assert_string_equal(out.data, "add it, or name the column that holds it with --map session_id=COLUMN");
    buf_reset(&out);
    header_show_remedy(&header, FIELD_USER_PASSWORD, &out);
    assert_string_equal(out.data, "is it column E \"password\"? Then rename that to \"user_password\" or add --map "
                                  "user_password=\"password\"");
    header_release(&header);
    buf_release(&out);
}

static void knows_secrets(void **state)
{
    static const struct {
        const char *line;
        bool secret;
    } table[] = {
        {"type,label,user_id", false}, {"type,label,user_password", true}, {"type,label,Session ID", true},
        {"type,label,password", true}, {"type,label,sesion_id", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_true(read_header(&(struct reading){.line = table[i].line}));
        assert_int_equal(header_has_secret(&header), table[i].secret);
        header_release(&header);
    }
}

static int init_notes(void **state)
{
    (void)state;
    buf_init(&notes, 10000);
    return 0;
}

static int release_notes(void **state)
{
    (void)state;
    buf_release(&notes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_columns),
        cmocka_unit_test(knows_results),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_no_cells),
        cmocka_unit_test(refuses_a_million_columns),
        cmocka_unit_test(advises),
        cmocka_unit_test(shows_columns),
        cmocka_unit_test(knows_secrets),
    };

    return cmocka_run_group_tests_name("header", tests, init_notes, release_notes);
}

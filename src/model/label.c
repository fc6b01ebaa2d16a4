#include "model/label.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { LABEL_MAX = 1 << 17 }; /* bytes of a form */

/* What is left of a label in two forms. */
struct forms {
    struct buf kept;    /* NFKC without case, with single blanks */
    struct buf letters; /* its letters and digits alone */
    size_t head, tail;  /* bytes of the first and the last LABEL_LETTERS letters */
    size_t first;       /* letters and digits in the first part: LABEL_LETTERS at the most */
};

static const struct {
    const char *name;
    uint32_t code_point;
} entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}};

/* The code point of an entity between `&` and `;`; 0 where it is none. */
static uint32_t entity_of(struct span name)
{
    char digits[9] = "";
    bool hex = name.len > 2 && name.data[0] == '#' && (name.data[1] | 0x20) == 'x';
    size_t lead = hex ? 2 : 1;

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
        if (span_equal(name, span_of(entities[i].name)))
            return entities[i].code_point;
    if (name.len <= lead || name.len - lead >= sizeof(digits) || name.data[0] != '#')
        return 0;
    memcpy(digits, name.data + lead, name.len - lead);
    return (uint32_t)strtoul(digits, NULL, hex ? 16 : 10);
}

static void unescape(struct span label, struct buf *out)
{
    for (size_t i = 0; i < label.len; i++) {
        const char *end = label.data[i] == '&' ? memchr(label.data + i, ';', label.len - i) : NULL;
        uint32_t code =
            end != NULL ? entity_of((struct span){label.data + i + 1, (size_t)(end - label.data) - i - 1}) : 0;
        utf8proc_uint8_t bytes[4];

        if (code == 0 || !utf8proc_codepoint_valid((utf8proc_int32_t)code)) {
            buf_char(out, label.data[i]);
            continue;
        }
        buf_add(out, bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)code, bytes));
        i = (size_t)(end - label.data);
    }
}

static bool is_blank(utf8proc_category_t category)
{
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
           category == UTF8PROC_CATEGORY_CC;
}

static bool is_letter_or_digit(utf8proc_category_t category)
{
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

/* Adds a character to both forms; a blank only before the next character that is none. */
static void add_char(struct forms *forms, struct span text, utf8proc_category_t category, bool *blank)
{
    if (is_blank(category)) {
        *blank = forms->kept.len > 0;
        return;
    }
    if (*blank)
        buf_char(&forms->kept, ' ');
    *blank = false;
    buf_span(&forms->kept, text);
    if (is_letter_or_digit(category))
        buf_span(&forms->letters, text);
}

static void split(struct forms *forms, struct span text)
{
    bool blank = false;

    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len =
            utf8proc_iterate((const utf8proc_uint8_t *)text.data + at, (utf8proc_ssize_t)(text.len - at), &code);

        if (len <= 0)
            return;
        add_char(forms, (struct span){text.data + at, (size_t)len}, utf8proc_category(code), &blank);
        at += (size_t)len;
    }
}

static bool continues_char(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static void measure_parts(struct forms *forms)
{
    const char *text = forms->letters.data;
    size_t len = forms->letters.len, chars = 0;

    while (forms->head < len && (chars < LABEL_LETTERS || continues_char(text[forms->head])))
        chars += !continues_char(text[forms->head++]);
    forms->first = chars;
    for (chars = 0; forms->tail < len && chars < LABEL_LETTERS; forms->tail++)
        chars += !continues_char(text[len - forms->tail - 1]);
}

static void forms_init(struct forms *forms, struct span label)
{
    const utf8proc_option_t how =
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t len = -1;
    struct buf plain;

    *forms = (struct forms){0};
    buf_init(&plain, LABEL_MAX);
    buf_init(&forms->kept, LABEL_MAX);
    buf_init(&forms->letters, LABEL_MAX);
    unescape(label, &plain);
    if (plain.len > 0)
        len = utf8proc_map((const utf8proc_uint8_t *)plain.data, (utf8proc_ssize_t)plain.len, &folded, how);
    split(forms, len >= 0 ? (struct span){(const char *)folded, (size_t)len} : buf_view(&plain));
    measure_parts(forms);
    free(folded);
    buf_release(&plain);
}

static void forms_release(struct forms *forms)
{
    buf_release(&forms->kept);
    buf_release(&forms->letters);
}

static struct span head_of(const struct forms *forms)
{
    return (struct span){forms->letters.data, forms->head};
}

static struct span tail_of(const struct forms *forms)
{
    return (struct span){forms->letters.len > 0 ? forms->letters.data + forms->letters.len - forms->tail : NULL,
                         forms->tail};
}

/* Whether the longer label begins or ends with all letters and digits of the shorter one, and these are many enough. */
static enum label_likeness compare_parts(const struct forms *a, const struct forms *b)
{
    const struct forms *part = a->letters.len < b->letters.len ? a : b, *whole = part == a ? b : a;
    size_t len = part->letters.len;

    if (part->first < LABEL_FEW ||
        (memcmp(whole->letters.data, part->letters.data, len) != 0 &&
         memcmp(whole->letters.data + whole->letters.len - len, part->letters.data, len) != 0))
        return LABEL_OTHER;
    return part->first == LABEL_LETTERS ? LABEL_ALIKE : LABEL_PART;
}

/* The text composed; as it is where it can't be. Owned. */
static utf8proc_uint8_t *compose(struct span text, size_t *len)
{
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t got = utf8proc_map((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.len, &composed,
                                        UTF8PROC_STABLE | UTF8PROC_COMPOSE);

    *len = got >= 0 ? (size_t)got : 0;
    return got >= 0 ? composed : NULL;
}

bool label_same(struct span a, struct span b)
{
    utf8proc_uint8_t *composed_a, *composed_b;
    size_t len_a, len_b;
    bool same;

    a = text_trim(a);
    b = text_trim(b);
    if (span_equal(a, b) || a.len == 0 || b.len == 0)
        return a.len == b.len;
    composed_a = compose(a, &len_a);
    composed_b = compose(b, &len_b);
    same = composed_a != NULL && composed_b != NULL && len_a == len_b && memcmp(composed_a, composed_b, len_a) == 0;
    free(composed_a);
    free(composed_b);
    return same;
}

enum label_likeness label_compare(struct span sent, struct span shown)
{
    enum label_likeness likeness;
    struct forms a, b;

    if (span_equal(sent, shown))
        return LABEL_KEPT;
    forms_init(&a, sent);
    forms_init(&b, shown);
    if (a.kept.len > 0 && span_equal(buf_view(&a.kept), buf_view(&b.kept)))
        likeness = LABEL_KEPT;
    else if (a.letters.len > 0 && span_equal(buf_view(&a.letters), buf_view(&b.letters)))
        likeness = LABEL_ALIKE;
    else
        likeness = compare_parts(&a, &b);
    forms_release(&a);
    forms_release(&b);
    return likeness;
}

struct label_keys label_keys(struct span label)
{
    struct label_keys keys;
    struct forms forms;

    forms_init(&forms, label);
    keys.head = hash_finish(hash_span(HASH_START, head_of(&forms)));
    keys.tail = hash_finish(hash_span(HASH_START, tail_of(&forms)));
    keys.is_short = forms.first < LABEL_LETTERS;
    forms_release(&forms);
    return keys;
}

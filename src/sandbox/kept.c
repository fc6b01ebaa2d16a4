#include "sandbox/kept.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { CUT_AT = 50 };

static const char *const form_names[] = {"exact", "nfc", "html", "blanks", "cut", "lower", "bmp", "prefix"};
static_assert(sizeof(form_names) / sizeof(form_names[0]) == KEPT_FORMS, "every form has its name");

const char *kept_form_name(enum kept_form form)
{
    return form_names[form];
}

bool kept_form_named(const char *name, enum kept_form *form)
{
    for (int i = 0; i < KEPT_FORMS; i++) {
        if (strcmp(form_names[i], name) == 0) {
            *form = (enum kept_form)i;
            return true;
        }
    }
    return false;
}

/* The letter of Latin-1 or Latin Extended-A (two bytes) that `base` with the mark (two bytes) is, or NULL. */
static const char *composed(char base, const char *mark)
{
    static const struct {
        const char *mark, *bases, *letters;
    } marks[] = {
        {"\u0300", "AEIOUaeiou", "ÀÈÌÒÙàèìòù"},
        {"\u0301", "AEIOUYaeiouyCcLlNnRrSsZz", "ÁÉÍÓÚÝáéíóúýĆćĹĺŃńŔŕŚśŹź"},
        {"\u0302", "AEIOUaeiouCcGgHhJjSsWwYy", "ÂÊÎÔÛâêîôûĈĉĜĝĤĥĴĵŜŝŴŵŶŷ"},
        {"\u0303", "ANOanoIiUu", "ÃÑÕãñõĨĩŨũ"},
        {"\u0308", "AEIOUaeiouyY", "ÄËÏÖÜäëïöüÿŸ"},
        {"\u030A", "AaUu", "ÅåŮů"},
        {"\u030C", "CcDdEeLlNnRrSsTtZz", "ČčĎďĚěĽľŇňŘřŠšŤťŽž"},
        {"\u0327", "CcGgKkLlNnRrSsTt", "ÇçĢģĶķĻļŅņŖŗŞşŢţ"},
    };

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *found = base != '\0' ? strchr(marks[i].bases, base) : NULL;

        if (found != NULL && memcmp(marks[i].mark, mark, 2) == 0)
            return marks[i].letters + 2 * (found - marks[i].bases);
    }
    return NULL;
}

static void keep_nfc(struct buf *out, struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        const char *letter = label.len - i > 2 ? composed(label.data[i], label.data + i + 1) : NULL;

        if (letter != NULL)
            buf_add(out, letter, 2);
        else
            buf_char(out, label.data[i]);
        i += letter != NULL ? 2 : 0;
    }
}

static void keep_html(struct buf *out, struct span label)
{
    static const char plain[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#x27;"};

    for (size_t i = 0; i < label.len; i++) {
        const char *found = label.data[i] != '\0' ? strchr(plain, label.data[i]) : NULL;

        if (found != NULL)
            buf_text(out, entities[found - plain]);
        else
            buf_char(out, label.data[i]);
    }
}

static void keep_blanks(struct buf *out, struct span label)
{
    size_t start = out->len;
    bool blank = false;

    for (size_t i = 0; i < label.len; i++) {
        if (strchr(" \t\r\n", label.data[i]) != NULL) {
            blank = true;
            continue;
        }
        if (blank && out->len > start)
            buf_char(out, ' ');
        buf_char(out, label.data[i]);
        blank = false;
    }
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

static void keep_cut(struct buf *out, struct span label)
{
    size_t characters = 0, i = 0;

    for (; i < label.len; i++)
        if (begins_character(label.data[i]) && characters++ == CUT_AT)
            break;
    buf_add(out, label.data, i);
}

static void keep_lower(struct buf *out, struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        unsigned char byte = (unsigned char)label.data[i];
        bool latin1 = i > 0 && (unsigned char)label.data[i - 1] == 0xC3 && byte >= 0x80 && byte <= 0x9E && byte != 0x97;

        buf_char(out, (char)((byte >= 'A' && byte <= 'Z') || latin1 ? byte + 0x20 : byte));
    }
}

static void keep_bmp(struct buf *out, struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        if ((unsigned char)label.data[i] >= 0xF0)
            i += 3;
        else
            buf_char(out, label.data[i]);
    }
}

static void keep_prefix(struct buf *out, struct span label)
{
    buf_text(out, "Desk: ");
    buf_span(out, label);
}

static void keep_exact(struct buf *out, struct span label)
{
    buf_span(out, label);
}

void kept_label(struct buf *out, enum kept_form form, struct span label)
{
    typedef void keep_fn(struct buf *, struct span);
    static keep_fn *const keep[] = {keep_exact, keep_nfc,   keep_html, keep_blanks,
                                    keep_cut,   keep_lower, keep_bmp,  keep_prefix};

    static_assert(sizeof(keep) / sizeof(keep[0]) == KEPT_FORMS, "every form has its rule");
    keep[form](out, label);
}

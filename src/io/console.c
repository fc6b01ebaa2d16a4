#include "io/console.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "io/disk.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    REDRAW_MS = 125,
    FIRST_DRAW_MS = 250, /* what is over sooner needs no live line */
    FIRST_LINE_MS = 5000,
    WIDEST_INTERVAL_MS = 60000,
    MESSAGE_MAX = 1 << 20,
    WIDTH_UNKNOWN = 80,
    WIDTH_MOST = 1000,
};

struct console {
    struct console_config config;
    bool terminal, colour, utf8;
    unsigned drawn; /* columns of the live line that is on the screen; 0 = none is */
    int64_t due_ms;
    int64_t interval_ms; /* between plain lines */
    struct buf text;     /* scratch */
};

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

static bool is_utf8_locale(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8;

    if (locale == (locale_t)0)
        return false;
    utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

struct console *console_new(const struct console_config *config)
{
    struct console *console = alloc_zeroed(1, sizeof(*console));
    const char *term = getenv("TERM");

    console->config = *config;
    console->terminal = isatty(config->fd) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
    console->colour = console->terminal && !is_set("NO_COLOR");
    console->utf8 = is_utf8_locale();
    console->interval_ms = FIRST_LINE_MS;
    console->due_ms = clock_mono_ms() + (console->terminal ? FIRST_DRAW_MS : FIRST_LINE_MS);
    if (config->quiet)
        console->due_ms = INT64_MAX;
    buf_init(&console->text, MESSAGE_MAX);
    return console;
}

static void write_text(const struct console *console, struct span text)
{
    disk_write(console->config.fd, text.data, text.len);
}

void console_clear(struct console *console)
{
    char blanks[WIDTH_MOST + 3];

    if (console->drawn == 0)
        return;
    if (console->colour)
        write_text(console, span_of("\r\x1b[K"));
    else {
        snprintf(blanks, sizeof(blanks), "\r%*s\r", (int)console->drawn, "");
        write_text(console, span_of(blanks));
    }
    console->drawn = 0;
}

void console_free(struct console *console)
{
    if (console == NULL)
        return;
    console_clear(console);
    buf_release(&console->text);
    free(console);
}

__attribute__((format(printf, 2, 0))) static void say(struct console *console, const char *format, va_list args)
{
    char *raw = NULL, brief[2048];
    va_list once_more;
    int len;

    va_copy(once_more, args);
    len = vasprintf(&raw, format, args);
    if (len < 0) { /* no memory: then perhaps that is what it says */
        raw = NULL;
        vsnprintf(brief, sizeof(brief), format, once_more);
    }
    va_end(once_more);
    console_clear(console);
    buf_reset(&console->text);
    text_show(&console->text, raw != NULL ? (struct span){raw, (size_t)len} : span_of(brief), MESSAGE_MAX / 16);
    buf_char(&console->text, '\n');
    write_text(console, buf_view(&console->text));
    free(raw);
}

void console_say(struct console *console, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(console, format, args);
    va_end(args);
}

void console_note(struct console *console, const char *format, ...)
{
    va_list args;

    if (console->config.quiet)
        return;
    va_start(args, format);
    say(console, format, args);
    va_end(args);
}

void console_detail(struct console *console, const char *format, ...)
{
    va_list args;

    if (!console->config.verbose)
        return;
    va_start(args, format);
    say(console, format, args);
    va_end(args);
}

void console_block(struct console *console, struct span text)
{
    if (console->config.quiet)
        return;
    console_clear(console);
    write_text(console, text);
}

bool console_is_quiet(const struct console *console)
{
    return console->config.quiet;
}

bool console_has_colour(const struct console *console)
{
    return console->colour;
}

unsigned console_width(const struct console *console)
{
    struct winsize size;

    if (!console->terminal)
        return 0;
    if (ioctl(console->config.fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_UNKNOWN;
    return size.ws_col < PROGRESS_NARROWEST ? PROGRESS_NARROWEST : size.ws_col > WIDTH_MOST ? WIDTH_MOST : size.ws_col;
}

int64_t console_due(const struct console *console)
{
    return console->due_ms;
}

static bool is_in_background(const struct console *console)
{
    pid_t group = tcgetpgrp(console->config.fd);

    return group >= 0 && group != getpgrp();
}

/* The last column stays empty: a line that fills it would wrap on some terminals. */
static void draw(struct console *console, const struct progress *progress)
{
    struct progress_style style = {
        .columns = console_width(console) - 1,
        .colour = console->colour,
        .utf8 = console->utf8,
    };
    unsigned columns;

    if (is_in_background(console))
        return;
    buf_reset(&console->text);
    buf_char(&console->text, '\r');
    columns = progress_live(&console->text, progress, &style);
    if (console->colour)
        buf_text(&console->text, "\x1b[K");
    else if (columns < console->drawn && console->drawn <= style.columns)
        buf_format(&console->text, "%*s", (int)(console->drawn - columns), "");
    write_text(console, buf_view(&console->text));
    console->drawn = columns > console->drawn || console->colour ? columns : console->drawn;
}

static void add_line(struct console *console, const struct progress *progress)
{
    buf_reset(&console->text);
    buf_text(&console->text, "connload: ");
    progress_plain(&console->text, progress);
    buf_char(&console->text, '\n');
    write_text(console, buf_view(&console->text));
}

void console_progress(struct console *console, const struct progress *progress, int64_t now_ms)
{
    if (now_ms < console->due_ms)
        return;
    if (console->terminal) {
        draw(console, progress);
        console->due_ms = now_ms + REDRAW_MS;
        return;
    }
    add_line(console, progress);
    console->interval_ms *= 2;
    if (console->interval_ms > WIDEST_INTERVAL_MS)
        console->interval_ms = WIDEST_INTERVAL_MS;
    console->due_ms = now_ms + console->interval_ms;
}

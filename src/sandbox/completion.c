#include "sandbox/completion.h"

#include "sandbox/faults.h"
#include "sandbox/options.h"

#include <string.h>

/* What may follow an option, separated by blanks; nothing where that can't be told. `=` and `:` ask for more. */
static void add_values(struct buf *out, const struct option *option)
{
    if (strcmp(option->name, "fault") != 0) {
        buf_text(out, option->choices != NULL ? option->choices : "");
        return;
    }
    for (int i = 0; i < FAULTS; i++)
        buf_format(out, "%s= ", faults_at(i)->name);
    for (int call = CALL_CREATE + 1; call < CALLS; call++)
        buf_format(out, "%s:%s", faults_call_name((enum fault_call)call), call < CALLS - 1 ? " " : "");
}

static bool takes_file(const struct option *option)
{
    return option->value != NULL && strcmp(option->value, "FILE") == 0;
}

static void bash_case(struct buf *out, const struct option *option)
{
    if (option->value == NULL)
        return;
    buf_format(out, "    --%s)\n", option->name);
    if (takes_file(option)) {
        buf_text(out, "        COMPREPLY=($(compgen -f -- \"$cur\"))\n");
    } else {
        buf_text(out, "        COMPREPLY=($(compgen -W '");
        add_values(out, option);
        buf_text(out, "' -- \"$cur\"))\n");
    }
    if (strcmp(option->name, "fault") == 0)
        buf_text(out, "        compopt -o nospace\n");
    buf_text(out, "        return ;;\n");
}

static void write_bash(struct buf *out)
{
    int count;
    const struct option *options = options_table(&count);

    buf_text(out, "# bash completion for connload-sandbox; made from its option table\n"
                  "_connload_sandbox() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "    COMPREPLY=()\n"
                  "    case $prev in\n");
    for (int i = 0; i < count; i++)
        bash_case(out, &options[i]);
    buf_text(out, "    esac\n    COMPREPLY=($(compgen -W '");
    for (int i = 0; i < count; i++)
        buf_format(out, "%s--%s", i > 0 ? " " : "", options[i].name);
    buf_text(out, "' -- \"$cur\"))\n}\ncomplete -F _connload_sandbox connload-sandbox\n");
}

/* `text` within single quotes, for zsh's _arguments and for fish alike: ' \ and, for zsh, [ ] : are escaped. */
static void add_quoted(struct buf *out, const char *text, const char *escaped)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_text(out, "'\\''");
            continue;
        }
        if (strchr(escaped, *text) != NULL)
            buf_char(out, '\\');
        buf_char(out, *text);
    }
}

static void zsh_option(struct buf *out, const struct option *option)
{
    buf_format(out, " \\\n    '*--%s[", option->name);
    add_quoted(out, option->help, "[]:\\");
    buf_char(out, ']');
    if (option->value != NULL) {
        buf_char(out, ':');
        add_quoted(out, option->value, "[]:\\");
        buf_char(out, ':');
        if (takes_file(option)) {
            buf_text(out, "_files");
        } else {
            struct buf values;

            buf_init(&values, OPTIONS_VALUES_MAX);
            add_values(&values, option);
            buf_char(out, '(');
            add_quoted(out, values.len > 0 ? values.data : "", ":\\");
            buf_char(out, ')');
            buf_release(&values);
        }
    }
    buf_char(out, '\'');
}

static void write_zsh(struct buf *out)
{
    int count;
    const struct option *options = options_table(&count);

    buf_text(out, "#compdef connload-sandbox\n# zsh completion for connload-sandbox; made from its option table\n"
                  "_arguments -s -S");
    for (int i = 0; i < count; i++)
        zsh_option(out, &options[i]);
    buf_text(out, " \\\n    '*::command:_normal'\n");
}

static void write_fish(struct buf *out)
{
    int count;
    const struct option *options = options_table(&count);

    buf_text(out, "# fish completion for connload-sandbox; made from its option table\n"
                  "complete -c connload-sandbox -f\n");
    for (int i = 0; i < count; i++) {
        buf_format(out, "complete -c connload-sandbox -l %s", options[i].name);
        if (takes_file(&options[i])) {
            buf_text(out, " -rF");
        } else if (options[i].value != NULL) {
            buf_text(out, " -x -a '");
            add_values(out, &options[i]);
            buf_char(out, '\'');
        }
        buf_text(out, " -d '");
        for (const char *at = options[i].help; *at != '\0'; at++)
            buf_format(out, "%s%c", *at == '\'' || *at == '\\' ? "\\" : "", *at);
        buf_text(out, "'\n");
    }
}

bool completion_write(struct buf *out, const char *shell, struct err *err)
{
    static const struct {
        const char *shell;
        void (*write)(struct buf *);
    } shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};

    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].write(out);
            return true;
        }
    }
    return err_set(err, EXIT_USAGE, "there are completions for bash, zsh and fish, not for \"%.100s\"", shell);
}

#include "usage.h"

#include "base/text.h"
#include "base/version.h"
#include "io/csv_read.h"
#include "model/field.h"
#include "model/json.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30 };

static const char *const group_titles[OPTION_GROUPS] = {
    [GROUP_INPUT] = "Input",           [GROUP_RESULTS] = "Results", [GROUP_ROWS] = "Which rows, and when to stop",
    [GROUP_PACE] = "Pace and retries", [GROUP_API] = "The API",     [GROUP_REPORTS] = "Reports",
    [GROUP_GENERAL] = "General",
};

struct command_help {
    const char *usage, *what, *example;
};

static const struct command_help commands[COMMANDS] = {
    [COMMAND_NONE] = {NULL, NULL, "connload check desk.csv && BIGDATA_API_KEY=… connload create desk.csv"},
    [COMMAND_CHECK] = {"connload check  [options] INPUT  ", "check every row; no network", "connload check desk.csv"},
    [COMMAND_CREATE] = {"connload create [options] INPUT  ", "create a connector for every row that has none yet",
                        "connload create --skip-existing -o desk.results.csv desk.csv"},
    [COMMAND_UPDATE] = {"connload update [options] RESULTS", "make the connectors of a result file what its rows say",
                        "connload update --dry-run account.csv"},
    [COMMAND_UNDO] = {"connload undo   [options] RESULTS", "archive the connectors that a result file names as created",
                      "connload undo --yes desk.results.csv"},
    [COMMAND_LIST] = {"connload list   [options]        ", "write the account's connectors as a result file",
                      "connload list -o account.results.csv"},
    [COMMAND_STATUS] = {"connload status [options] RESULTS", "how the connectors of a result file do",
                        "connload status desk.results.csv"},
};

static void print_option(const struct option_spec *spec)
{
    char left[64];
    int used = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", spec->letter != 0 ? '-' : ' ',
                        spec->letter != 0 ? spec->letter : ' ', spec->letter != 0 ? "," : " ", spec->name,
                        spec->argument != NULL ? " " : "", spec->argument != NULL ? spec->argument : "");

    if (used >= HELP_COLUMN)
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", spec->help);
    else
        printf("%-*s%s\n", HELP_COLUMN, left, spec->help);
}

static void print_group(enum option_group group, unsigned wanted)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    bool titled = false;

    for (size_t i = 0; i < count; i++) {
        if (table[i].group != group || (table[i].commands & wanted) == 0)
            continue;
        if (!titled)
            printf("\n%s\n", group_titles[group]);
        titled = true;
        print_option(&table[i]);
    }
}

void usage_help(enum command command)
{
    unsigned wanted = command == COMMAND_NONE ? ~0U : 1U << command;

    printf("connload turns a spreadsheet of connectors into connectors, each exactly once.\n\n");
    for (int i = COMMAND_CHECK; i < COMMANDS; i++)
        if (command == COMMAND_NONE || (int)command == i)
            printf("  %s  %s\n", commands[i].usage, commands[i].what);
    for (int group = 0; group < GROUP_HIDDEN; group++)
        print_group((enum option_group)group, wanted);
    printf("\nExit codes: 0 all done, 1 some rows are not, 2 usage, 3 input, 4 stopped early, 5 local trouble.\n");
    printf("Example:    %s\nManual:     man connload\n", commands[command].example);
}

void usage_version(void)
{
    printf("connload %s\n%s\n%s\n%s\n", CONNLOAD_VERSION, http_version(), csv_version(), json_version());
}

/* ---- Completions ---- */

/* What the shells offer for an option's argument. */
enum offer { OFFER_NONE, OFFER_FILES, OFFER_FIELDS, OFFER_DELIMITERS };

static const char delimiters[] = "comma semicolon tab";

static enum offer offer_of(const struct option_spec *spec)
{
    if (spec->kind == KIND_MAP || spec->kind == KIND_DEFAULT)
        return OFFER_FIELDS;
    if (spec->kind == KIND_DELIMITER)
        return OFFER_DELIMITERS;
    return spec->argument != NULL && strcmp(spec->argument, "FILE") == 0 ? OFFER_FILES : OFFER_NONE;
}

static void print_fields(const char *end)
{
    for (size_t i = 0; i < FIELDS; i++)
        printf("%s%s%s", i > 0 ? " " : "", field_name((enum field)i), end);
}

static void print_words(enum command command, const char *separator)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t i = 0; i < count; i++)
        if (table[i].group != GROUP_HIDDEN && (table[i].commands & (1U << command)) != 0)
            printf("%s--%s", separator, table[i].name);
}

/* The options that take an argument and offer that for it, as a pattern of `case`. */
static void print_pattern(enum offer offer)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    const char *separator = "";

    for (size_t i = 0; i < count; i++) {
        if (table[i].argument == NULL || table[i].group == GROUP_HIDDEN || offer_of(&table[i]) != offer)
            continue;
        printf("%s--%s", separator, table[i].name);
        separator = "|";
        if (table[i].letter != 0)
            printf("|-%c", table[i].letter);
    }
}

/* bash makes words of their own of `=` and of what follows it. */
static void complete_bash_arguments(void)
{
    static const char files[] = "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
                      words[] = "\" -- \"$cur\"); return ;;\n    ";

    printf("    if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
           "    case $prev in\n    ");
    print_pattern(OFFER_FILES);
    printf(") %s; return ;;\n    ", files);
    print_pattern(OFFER_FIELDS);
    printf(") compopt -o nospace 2>/dev/null; mapfile -t COMPREPLY < <(compgen -W \"");
    print_fields("=");
    printf("%s", words);
    print_pattern(OFFER_DELIMITERS);
    printf(") mapfile -t COMPREPLY < <(compgen -W \"%s%s", delimiters, words);
    print_pattern(OFFER_NONE);
    printf(") return ;;\n    esac\n"
           "    [[ ${COMP_WORDS[COMP_CWORD]} == = || ${COMP_WORDS[COMP_CWORD-1]} == = ]] && return\n");
}

static void complete_bash(void)
{
    printf("# bash completion for connload; made from its option table\n"
           "_connload()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        case $word in check|create|update|undo|list|status) command=$word; break ;; esac\n"
           "    done\n");
    complete_bash_arguments();
    printf("    if [[ $cur == -* ]]; then\n        case $command in\n");
    for (int i = COMMAND_CHECK; i < COMMANDS; i++) {
        printf("        %s) mapfile -t COMPREPLY < <(compgen -W \"", command_name((enum command)i));
        print_words((enum command)i, " ");
        printf("\" -- \"$cur\") ;;\n");
    }
    printf("        *) mapfile -t COMPREPLY < <(compgen -W \"--help --version\" -- \"$cur\") ;;\n"
           "        esac\n"
           "    elif [[ -z $command ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"check create update undo list status\" -- \"$cur\")\n"
           "    else\n"
           "        compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
           "    fi\n}\n"
           "complete -F _connload connload\n");
}

/* zsh wants brackets, colons and quotes of a description escaped. */
static void print_zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:\\", *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_zsh_argument(const struct option_spec *spec)
{
    printf(":");
    print_zsh_text(spec->argument);
    switch (offer_of(spec)) {
    case OFFER_FILES:
        printf(":_files");
        break;
    case OFFER_FIELDS:
        printf(":compadd -S = - ");
        print_fields("");
        break;
    case OFFER_DELIMITERS:
        printf(":(%s)", delimiters);
        break;
    default:
        printf(": ");
    }
}

/* `'(-o --output)'{-o,--output}'[…]:FILE:_files'` */
static void print_zsh_options(enum command command)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (table[i].group == GROUP_HIDDEN || (table[i].commands & (1U << command)) == 0)
            continue;
        printf(" \\\n                ");
        if (table[i].letter != 0)
            printf("'(-%c --%s)'{-%c,--%s}'[", table[i].letter, table[i].name, table[i].letter, table[i].name);
        else
            printf("'%s--%s[", offer_of(&table[i]) == OFFER_FIELDS ? "*" : "", table[i].name);
        print_zsh_text(table[i].help);
        printf("]");
        if (table[i].argument != NULL)
            print_zsh_argument(&table[i]);
        printf("'");
    }
}

static void complete_zsh(void)
{
    printf("#compdef connload\n# zsh completion for connload; made from its option table\n"
           "_connload() {\n"
           "    local -a commands\n    commands=(\n");
    for (int i = COMMAND_CHECK; i < COMMANDS; i++) {
        printf("        '%s:", command_name((enum command)i));
        print_zsh_text(commands[i].what);
        printf("'\n");
    }
    printf(
        "    )\n"
        "    if (( CURRENT == 2 )); then\n"
        "        _describe command commands\n        _arguments '(-h --help)'{-h,--help}'[show help]' '--version[show versions]'\n    "
        "    return\n"
        "    fi\n"
        "    case $words[2] in\n");
    for (int i = COMMAND_CHECK; i < COMMANDS; i++) {
        printf("        %s)\n            _arguments", command_name((enum command)i));
        print_zsh_options((enum command)i);
        printf(" \\\n                '*:file:_files' ;;\n");
    }
    printf("    esac\n}\n_connload \"$@\"\n");
}

static void print_fish_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
}

static void print_fish_argument(const struct option_spec *spec)
{
    enum offer offer = offer_of(spec);

    printf(offer == OFFER_FILES ? " -r" : " -x");
    if (offer == OFFER_FIELDS) {
        printf(" -a '");
        print_fields("=");
        printf("'");
    } else if (offer == OFFER_DELIMITERS)
        printf(" -a '%s'", delimiters);
}

static void complete_fish(void)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    printf("# fish completion for connload; made from its option table\n");
    for (int i = COMMAND_CHECK; i < COMMANDS; i++) {
        printf("complete -c connload -n __fish_use_subcommand -f -a %s -d '", command_name((enum command)i));
        print_fish_text(commands[i].what);
        printf("'\n");
    }
    for (size_t i = 0; i < count; i++) {
        if (table[i].group == GROUP_HIDDEN)
            continue;
        printf("complete -c connload -n '__fish_seen_subcommand_from");
        for (int command = COMMAND_CHECK; command < COMMANDS; command++)
            if ((table[i].commands & (1U << command)) != 0)
                printf(" %s", command_name((enum command)command));
        printf("' -l %s", table[i].name);
        if (table[i].letter != 0)
            printf(" -s %c", table[i].letter);
        if (table[i].argument != NULL)
            print_fish_argument(&table[i]);
        printf(" -d '");
        print_fish_text(table[i].help);
        printf("'\n");
    }
}

bool usage_completion(const char *shell, struct err *err)
{
    if (strcmp(shell, "bash") == 0)
        complete_bash();
    else if (strcmp(shell, "zsh") == 0)
        complete_zsh();
    else if (strcmp(shell, "fish") == 0)
        complete_fish();
    else
        return err_set(err, EXIT_USAGE, "there are completions for bash, zsh and fish, not for \"%.*s\"",
                       (int)text_cut(span_of(shell), 40), shell);
    return true;
}

#include "model/spoilt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *cell;
    enum spoilt spoilt;
} cells[] = {
    {"1.23457E+11", SPOILT_NUMBER},
    {"1,23457E+11", SPOILT_NUMBER},
    {" -1E-05 ", SPOILT_NUMBER},
    {"12e+100", SPOILT_NUMBER},
    {"1E5", SPOILT_NOT},
    {"1E+5", SPOILT_NOT},
    {"E+11", SPOILT_NOT},
    {"1.2E+11x", SPOILT_NOT},
    {"1.2E+", SPOILT_NOT},
    {"123457000000", SPOILT_NOT},
    {"#REF!", SPOILT_ERROR},
    {"#NAME?", SPOILT_ERROR},
    {"#DIV/0!", SPOILT_ERROR},
    {"#BEZUG!", SPOILT_ERROR},
    {"#N/A", SPOILT_ERROR},
    {"#NV", SPOILT_ERROR},
    {"Err:502", SPOILT_ERROR},
    {"Err:50x", SPOILT_NOT},
    {"########", SPOILT_ERROR},
    {"##", SPOILT_NOT},
    {"#1 desk", SPOILT_NOT},
    {"#GO", SPOILT_NOT},
    {"=\"00123\"", SPOILT_FORMULA},
    {"=A1", SPOILT_FORMULA},
    {"=", SPOILT_NOT},
    {"'00123", SPOILT_APOSTROPHE},
    {"'", SPOILT_NOT},
    {"it's", SPOILT_NOT},
    {"", SPOILT_NOT},
};

static void test_cells(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        if (spoilt_find(span_of(cells[i].cell)) != cells[i].spoilt)
            fail_msg("%s: %d", cells[i].cell, spoilt_find(span_of(cells[i].cell)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

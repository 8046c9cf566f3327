#include "train/report.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void vq_report_clear(vq_report *r) {
    r->count = r->used = 0;
}

void vq_report_add(vq_report *r, vqdna_number number) {
    assert(r->count < VQ_REPORT_NUMBERS);
    r->numbers[r->count++] = number;
}

const char *vq_report_text(vq_report *r, const char *format, ...) {
    char *out = r->text + r->used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, sizeof r->text - r->used, format, arguments);
    va_end(arguments);
    assert(length >= 0 && r->used + (size_t)length < sizeof r->text);
    r->used += (size_t)length + 1;
    return out;
}

static void add(vq_report *r, const char *name, double value, vqdna_number_kind kind) {
    vq_report_add(r, (vqdna_number){.name = name, .value = value, .kind = kind});
}

void vq_report_begin(vq_report *r, const vq_standing *at) {
    add(r, "step", (double)at->step, VQDNA_COUNT);
    add(r, "steps", (double)at->steps, VQDNA_COUNT);
    add(r, "bases", (double)at->bases, VQDNA_COUNT);
}

void vq_report_optimizer(vq_report *r, const vq_standing *at) {
    add(r, "gradient_norm", at->gradient_norm, VQDNA_REAL);
    add(r, "learning_rate", at->learning_rate, VQDNA_REAL);
}

void vq_report_end(vq_report *r, const vq_standing *at) {
    add(r, "seconds", at->seconds, VQDNA_REAL);
    add(r, "bases_per_second", at->seconds_since > 0 ? (double)at->bases_since / at->seconds_since : 0, VQDNA_REAL);
}

double vq_number_value(const vqdna_number *numbers, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    return NAN;
}

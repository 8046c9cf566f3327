/* A report: named numbers, each with what a log, a progress line, a summary and a picture need to show it without knowing it. */
#ifndef VQ_TRAIN_REPORT_H
#define VQ_TRAIN_REPORT_H

#include "base/status.h"

enum { VQ_REPORT_NUMBERS = 96, VQ_REPORT_TEXT = 8192 };

typedef struct vq_report {
    vqdna_number numbers[VQ_REPORT_NUMBERS];
    char text[VQ_REPORT_TEXT]; /* names and labels that were formatted */
    size_t count, used;
} vq_report;

void vq_report_clear(vq_report *report);

/* Appends a number; its strings must outlive the report. */
void vq_report_add(vq_report *report, vqdna_number number);

/* A string that lives with the report, by printf format. */
const char *vq_report_text(vq_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where a training stands, and what it did since the last report. */
typedef struct vq_standing {
    uint64_t step, steps; /* done, and planned (0: by the clock) */
    double progress;      /* of the run, 0 to 1 */
    uint64_t bases;       /* seen in all */
    double seconds, gradient_norm, learning_rate;
    uint64_t steps_since, bases_since;
    double seconds_since;
} vq_standing;

/* The numbers that every training has: first, after the task's means, and last. */
void vq_report_begin(vq_report *report, const vq_standing *at);
void vq_report_optimizer(vq_report *report, const vq_standing *at);
void vq_report_end(vq_report *report, const vq_standing *at);

/* NaN if there is none of that name. */
double vq_number_value(const vqdna_number *numbers, size_t count, const char *name);

#endif

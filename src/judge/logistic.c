#include "judge/logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 12, MOST_HALVINGS = 40 };
static const double tolerance = 1e-5, sufficient = 1e-4;

void vq_sparse_free(vq_sparse *m) {
    free(m->start);
    free(m->column);
    free(m->value);
    *m = (vq_sparse){0};
}

vq_status vq_logistic_create(vq_logistic *m, size_t columns, int classes) {
    *m = (vq_logistic){.classes = classes, .outputs = classes == 2 ? 1 : classes, .columns = columns};
    return vq_alloc(&m->weights, (size_t)m->outputs * (columns + 1), sizeof *m->weights);
}

void vq_logistic_destroy(vq_logistic *m) {
    free(m->weights);
    *m = (vq_logistic){0};
}

/* ---- The loss and its gradient ----------------------------------------------------------------------------------------------- */

/* Outputs are taken three at a time, so that the processor has several sums to go on with; written out, for a loop over them costs what
 * it would save. */
enum { TOGETHER = 3 };

/* Scores of a row [outputs]. */
static void row_scores(double *scores, const double *w, size_t columns, int outputs, const vq_sparse *x, size_t row) {
    const size_t wide = columns + 1, first = x->start[row], last = x->start[row + 1];
    int k = 0;
    for (; k + TOGETHER <= outputs; k += TOGETHER, w += TOGETHER * wide) {
        double a = w[columns], b = w[wide + columns], c = w[2 * wide + columns];
        for (size_t i = first; i < last; i++) {
            const double *from = w + x->column[i], value = (double)x->value[i];
            a += from[0] * value;
            b += from[wide] * value;
            c += from[2 * wide] * value;
        }
        scores[k] = a;
        scores[k + 1] = b;
        scores[k + 2] = c;
    }
    for (; k < outputs; k++, w += wide) {
        double sum = w[columns];
        for (size_t i = first; i < last; i++)
            sum += w[x->column[i]] * (double)x->value[i];
        scores[k] = sum;
    }
}

/* A row's part of the gradient, d being that of its scores [outputs]. */
static void add_row(double *g, const double *d, size_t columns, int outputs, const vq_sparse *x, size_t row) {
    const size_t wide = columns + 1, first = x->start[row], last = x->start[row + 1];
    int k = 0;
    for (; k + TOGETHER <= outputs; k += TOGETHER, g += TOGETHER * wide) {
        const double a = d[k], b = d[k + 1], c = d[k + 2];
        for (size_t i = first; i < last; i++) {
            double *to = g + x->column[i];
            const double value = (double)x->value[i];
            to[0] += a * value;
            to[wide] += b * value;
            to[2 * wide] += c * value;
        }
    }
    for (; k < outputs; k++, g += wide)
        for (size_t i = first; i < last; i++)
            g[x->column[i]] += d[k] * (double)x->value[i];
}

/* Scores become probabilities minus one at the row's class: the gradient. Returns the row's loss. */
static double softmax(double *scores, int outputs, int class) {
    if (outputs == 1) { /* log(1 + exp(-z)) without overflow, z the odds of what is true */
        double z = class ? scores[0] : -scores[0], e = exp(-fabs(z));
        double loss = (z < 0 ? -z : 0) + log1p(e), wrong = z < 0 ? 1 / (1 + e) : e / (1 + e);
        scores[0] = class ? -wrong : wrong;
        return loss;
    }
    double most = scores[0], sum = 0;
    for (int k = 1; k < outputs; k++)
        most = fmax(most, scores[k]);
    for (int k = 0; k < outputs; k++)
        sum += exp(scores[k] - most);
    double loss = log(sum) + most - scores[class];
    for (int k = 0; k < outputs; k++)
        scores[k] = exp(scores[k] - most) / sum;
    scores[class] -= 1;
    return loss;
}

typedef struct problem {
    const vq_sparse *x;
    const int *classes;
    int outputs;
    size_t size;    /* of a vector of all weights */
    double penalty; /* 1 / (C rows) */
    double *scores; /* [outputs] */
} problem;

static double evaluate(const problem *p, const double *w, double *gradient) {
    size_t columns = p->x->columns;
    double loss = 0, square = 0, each = 1 / (double)p->x->rows;
    memset(gradient, 0, p->size * sizeof *gradient);
    for (size_t row = 0; row < p->x->rows; row++) {
        row_scores(p->scores, w, columns, p->outputs, p->x, row);
        loss += softmax(p->scores, p->outputs, p->classes[row]);
        for (int k = 0; k < p->outputs; k++) {
            p->scores[k] *= each;
            gradient[(size_t)k * (columns + 1) + columns] += p->scores[k];
        }
        add_row(gradient, p->scores, columns, p->outputs, p->x, row);
    }
    for (int k = 0; k < p->outputs; k++) {
        const double *from = w + (size_t)k * (columns + 1);
        double *g = gradient + (size_t)k * (columns + 1);
        for (size_t i = 0; i < columns; i++) {
            square += from[i] * from[i];
            g[i] += p->penalty * from[i];
        }
    }
    return loss * each + 0.5 * p->penalty * square;
}

/* ---- L-BFGS ------------------------------------------------------------------------------------------------------------------ */

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *to, double factor, const double *from, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] += factor * from[i];
}

static double largest(const double *v, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(v[i]));
    return most;
}

/* The last steps s and changes of the gradient y, in a ring. */
typedef struct history {
    double *s[MEMORY], *y[MEMORY], rho[MEMORY];
    int count, next;
} history;

/* direction = -H g. */
static void two_loops(const history *h, double *direction, const double *g, size_t n) {
    double alpha[MEMORY];
    for (size_t i = 0; i < n; i++)
        direction[i] = -g[i];
    for (int i = 1; i <= h->count; i++) {
        int at = (h->next - i + MEMORY) % MEMORY;
        alpha[at] = h->rho[at] * dot(h->s[at], direction, n);
        add(direction, -alpha[at], h->y[at], n);
    }
    if (h->count) {
        int last = (h->next - 1 + MEMORY) % MEMORY;
        double scale = 1 / (h->rho[last] * dot(h->y[last], h->y[last], n));
        for (size_t i = 0; i < n; i++)
            direction[i] *= scale;
    }
    for (int i = h->count; i >= 1; i--) {
        int at = (h->next - i + MEMORY) % MEMORY;
        add(direction, alpha[at] - h->rho[at] * dot(h->y[at], direction, n), h->s[at], n);
    }
}

vq_status vq_logistic_fit(vq_logistic *m, const vq_sparse *x, const int *classes, double C, int most, int (*stop)(void *user),
                          void *user) {
    problem p = {x, classes, m->outputs, (size_t)m->outputs * (m->columns + 1), 1 / (C * (double)x->rows), NULL};
    size_t n = p.size;
    double *memory = NULL; /* g, w and g of the trial, direction; then the history */
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&memory, (4 + 2 * MEMORY) * n, sizeof *memory));
    VQ_TRY_OR(done, vq_alloc(&p.scores, (size_t)m->outputs, sizeof *p.scores));
    double *w = m->weights, *g = memory, *trial = memory + n, *trial_g = memory + 2 * n, *direction = memory + 3 * n;
    history h = {0};
    for (int i = 0; i < MEMORY; i++) {
        h.s[i] = memory + (4 + 2 * (size_t)i) * n;
        h.y[i] = h.s[i] + n;
    }
    evaluate(&p, trial, g); /* at zero: what small is measured by */
    double small = tolerance * largest(g, n), loss = evaluate(&p, w, g);
    int iteration = 0;
    for (; iteration < most && largest(g, n) > small; iteration++) {
        if (stop && stop(user)) {
            status = vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
            goto done;
        }
        two_loops(&h, direction, g, n);
        double slope = dot(g, direction, n);
        if (slope >= 0) { /* rounding has spoilt the history */
            h.count = 0;
            two_loops(&h, direction, g, n);
            slope = dot(g, direction, n);
        }
        double step = h.count ? 1 : fmin(1, 1 / sqrt(-slope)), found = loss;
        int halvings = 0;
        for (; halvings < MOST_HALVINGS; halvings++, step /= 2) {
            memcpy(trial, w, n * sizeof *w);
            add(trial, step, direction, n);
            found = evaluate(&p, trial, trial_g);
            if (found <= loss + sufficient * step * slope)
                break;
        }
        if (halvings == MOST_HALVINGS) /* as near as numbers are told apart */
            break;
        double *s = h.s[h.next], *y = h.y[h.next], curve;
        for (size_t i = 0; i < n; i++) {
            s[i] = trial[i] - w[i];
            y[i] = trial_g[i] - g[i];
        }
        curve = dot(s, y, n);
        if (curve > 1e-12 * dot(y, y, n)) {
            h.rho[h.next] = 1 / curve;
            h.next = (h.next + 1) % MEMORY;
            h.count += h.count < MEMORY;
        }
        memcpy(w, trial, n * sizeof *w);
        memcpy(g, trial_g, n * sizeof *g);
        loss = found;
    }
    m->loss = loss;
    m->iterations = iteration;
done:
    free(memory);
    free(p.scores);
    return status;
}

void vq_logistic_predict(const vq_logistic *m, const vq_sparse *x, int *classes, const int *truth, double *loss) {
    enum { MOST = 4096 };
    double scores[MOST], sum = 0;
    for (size_t row = 0; row < x->rows; row++) {
        row_scores(scores, m->weights, m->columns, m->outputs, x, row);
        int best = 0;
        for (int k = 1; k < m->outputs; k++)
            best = scores[k] > scores[best] ? k : best;
        classes[row] = m->outputs == 1 ? scores[0] > 0 : best;
        if (loss)
            sum += softmax(scores, m->outputs, truth[row]);
    }
    if (loss)
        *loss = sum / (double)x->rows;
}

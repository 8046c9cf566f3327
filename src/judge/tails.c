#include "judge/tails.h"

#include <math.h>

static double fraction(double x, double a, double b) {
    const double tiny = 1e-300, enough = 1e-14;
    double c = 1, d = 1 - (a + b) * x / (a + 1), f;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    f = d;
    for (int m = 1; m < 10000; m++) {
        double terms[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                           -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double before = f;
        for (int i = 0; i < 2; i++) {
            d = 1 + terms[i] * d;
            c = 1 + terms[i] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            f *= c * d;
        }
        if (fabs(f - before) <= enough * fabs(f))
            break;
    }
    return f;
}

double vq_beta(double x, double a, double b) {
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * fraction(x, a, b) / a : 1 - front * fraction(1 - x, b, a) / b;
}

double vq_student_p(double t, double degrees) {
    return degrees < 1 || isnan(t) ? 1 : isinf(t) ? 0 : vq_beta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

double vq_binomial_above(uint64_t count, uint64_t trials, double p) {
    return count == 0 ? 1 : count > trials ? 0 : vq_beta(p, (double)count, (double)(trials - count) + 1);
}

double vq_binomial_below(uint64_t count, uint64_t trials, double p) {
    return count >= trials ? 1 : vq_beta(1 - p, (double)(trials - count), (double)count + 1);
}

double vq_clusters_t(double sum, double squares, double n) {
    double variance = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
    return variance > 0 ? sum / n / sqrt(variance / n) : NAN;
}

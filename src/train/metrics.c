#include "train/metrics.h"

#include <math.h>

void vq_code_use(const uint64_t *counts, int codes, int *used, double *perplexity) {
    double total = 0, entropy = 0;
    *used = 0;
    for (int k = 0; k < codes; k++) {
        *used += counts[k] > 0;
        total += (double)counts[k];
    }
    for (int k = 0; k < codes; k++)
        if (counts[k]) {
            double p = (double)counts[k] / total;
            entropy -= p * log(p);
        }
    *perplexity = total > 0 ? exp(entropy) : 0;
}

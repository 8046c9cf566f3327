/* The probe: features of labelled sequences under the same linear reader, whatever the vocabulary (Alain and Bengio 2016). */
#ifndef VQ_JUDGE_PROBE_H
#define VQ_JUDGE_PROBE_H

#include "judge/features.h"
#include "seq/labelled.h"
#include "train/scores.h"

/* What makes codes and vectors of bases; needed if the features ask for any. */
typedef struct vq_probe_encoder {
    vq_features_model shape;

    /* Sequences one after another to codes [counts[i]][levels] and, where not NULL, vectors [counts[i]][dim] of each. */
    vq_status (*encode)(void *user, int tokenizer, size_t sequences, const uint8_t *bases, const size_t *counts,
                        uint16_t *const *codes, float *const *embedding, float *const *taps);

    /* Makes the untrained tokenizer of a seed, its codes from these sequences. */
    vq_status (*untrained)(void *user, uint64_t seed, size_t sequences, const uint8_t *bases, const size_t *counts);
    void *user;
} vq_probe_encoder;

/* A finished probe, the public one first. */
typedef struct vq_probe {
    vqdna_probe_report report;
    vq_labels labels;
    vq_labelled test;
    int *predicted; /* [test rows] of the first seed */
    double *C;      /* [seeds] */
} vq_probe;

/* As vqdna_probe in vqdna.h; `options` complete. `encoder` may be NULL. */
vq_status vq_probe_run(vq_probe **out, const vq_probe_encoder *encoder, const char *train, const char *dev, const char *test,
                       const vqdna_probe_options *options);
void vq_probe_destroy(vq_probe *probe);

#endif

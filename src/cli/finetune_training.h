/* A run of finetune: its options, and what a training of one seed does. */
#ifndef VQ_CLI_FINETUNE_TRAINING_H
#define VQ_CLI_FINETUNE_TRAINING_H

#include "cli/cli_options.h"
#include "cli/finetune_results.h"
#include "cli/training_loop.h"

enum { VQ_MOST_RATES = 16 };

typedef struct vq_finetuning {
    vq_cli *cli;
    const char *folder, *tokenizer, *init, *train, *dev, *test, *sequence, *label;
    uint64_t seeds, rows, phases;
    bool regression, resume, plan;
    vq_list settings;
    vqdna_predictor_options predictor_options;
    vqdna_finetune_options options;

    bool made, cleared; /* the folder is new; of what an older run left */
    vqdna_lock *lock;
    vq_session session;
    vqdna_examples *train_set, *dev_set, *test_set;
    vq_training_log log;
    vq_training_loop loop;
    vqdna_predictor_info info;  /* of the last seed's model */
    json_t *results;            /* of the seeds that are done */
    json_t *searched;           /* rates and what they came to on dev, or NULL */
    double rate[VQ_MOST_RATES]; /* to search, rising */
    int rates;
    double best; /* of them, on dev */
    uint64_t best_seed;
} vq_finetuning;

/* ---- A training ---- */

/* One training: from its start, or its checkpoint, to its result. */
typedef struct vq_finetuning_run {
    vqdna_predictor *predictor;
    vqdna_trainer *trainer;
} vq_finetuning_run;

/* Bases of the longest sequence of all sets. */
size_t vq_finetune_longest(const vq_finetuning *f);

vqdna_status vq_finetune_predictor(vq_finetuning *f, uint64_t seed, vqdna_predictor **p);

/* Trains in `folder` and writes all that goes there; the result is the last of f->results. end it in either case. */
int vq_finetuning_train(vq_finetuning *f, const char *folder, uint64_t seed, vq_finetuning_run *t);
void vq_finetuning_end(vq_finetuning *f, vq_finetuning_run *t);

double vq_finetune_dev_score(const vq_finetuning *f, const json_t *result);

/* metrics.json in a folder. */
int vq_finetune_write(vq_finetuning *f, const char *folder, const json_t *object);

/* The adapters apart, where they stand on a model that others have too. */
int vq_finetune_save_adapter(vq_finetuning *f, vqdna_predictor *p, const char *folder, const char *provenance);

/* Makes a folder for a seed or a rate. */
int vq_finetune_folder(vq_finetuning *f, const char *folder);

/* ---- Learning rates ---- */

/* "R,R,...", NULL: none. */
int vq_rates_take(vq_finetuning *f, const char *text);

/* Trains each rate with the first seed and takes the best on dev, of equals the least. One that comes to no number is the worst. */
int vq_rates_search(vq_finetuning *f);

#endif

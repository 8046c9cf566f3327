/* A classifier of sequences, trained and used through the library alone.
 *     cc example_predictor.c $(pkg-config --cflags --libs vqdna) -o example_predictor
 *     example_predictor TRAIN.csv SEQUENCES.fa [TOKENIZER]
 * Learns the labels of a table (columns sequence and label), a tenth of its rows held out; says how well it tells those, and the label of each
 * sequence of the FASTA file. With a tokenizer's folder it reads that model's codes, else bases behind a learned convolution. The model
 * goes to the folder `example-model`. Exit status as of the command line: 1 usage, 2 bad input, 3 device, 4 numbers. */
#include <vqdna.h>

#include <stdio.h>

/* Everything there is to close; each destroy takes NULL. */
typedef struct all {
    vqdna_context *context;
    vqdna_tokenizer *tokenizer;
    vqdna_examples *train, *held;
    vqdna_predictor *predictor;
    vqdna_trainer *trainer;
} all;

static vqdna_status read_sets(all *a, const char *table) {
    vqdna_status status = vqdna_examples_read(&a->train, table, NULL, NULL);
    return status < 0 ? status : vqdna_examples_split(a->train, &a->held, 10, 1);
}

static vqdna_status train(all *a) {
    const vqdna_predictor_options body = {.size = sizeof body, .width = 64, .layers = 2, .heads = 4, .pool = "max"};
    const vqdna_finetune_options options = {.size = sizeof options, .epochs = 8, .batch = 16};
    vqdna_report report;
    vqdna_status status = vqdna_predictor_create(&a->predictor, a->context, a->tokenizer, a->train, 0, &body, 1);
    if (status >= 0)
        status = vqdna_finetuner_create(&a->trainer, a->predictor, a->train, a->held, &options);
    for (int step = 1; status >= 0 && (status = vqdna_trainer_step(a->trainer)) == VQDNA_OK; step++)
        if (step % 50 == 0 && (status = vqdna_trainer_report(a->trainer, &report)) >= 0)
            fprintf(stderr, "step %d of %llu: loss %.3f\n", step, (unsigned long long)report.steps,
                    vqdna_report_value(&report, "loss"));
    if (status < 0)
        return status;
    vqdna_trainer_destroy(a->trainer); /* the predictor now has the weights that did best on the rows held out */
    a->trainer = NULL;
    return vqdna_predictor_save(a->predictor, "example-model", NULL);
}

static vqdna_status judge(all *a) {
    vqdna_judgement j;
    vqdna_status status = vqdna_predictor_judge(a->predictor, a->held, NULL, &j);
    if (status >= 0)
        printf("held out: %zu rows, MCC %.3f (%.3f to %.3f)\n", j.rows, j.mcc.mean, j.mcc.low, j.mcc.high);
    return status;
}

static vqdna_status print(void *user, const vqdna_prediction *p) {
    const vqdna_predictor_info *info = user;
    return printf("%s\t%s\t%.3f\n", p->contig, info->labels[p->class], p->outputs[p->class]) < 0 ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static vqdna_status run(all *a, const char *table, const char *sequences, const char *tokenizer) {
    vqdna_status status = vqdna_context_create(&a->context, NULL);
    if (status >= 0 && tokenizer)
        status = vqdna_tokenizer_open(&a->tokenizer, a->context, tokenizer);
    if (status >= 0)
        status = read_sets(a, table);
    if (status >= 0)
        status = train(a);
    if (status >= 0)
        status = judge(a);
    if (status < 0)
        return status;
    vqdna_predictor_info info = vqdna_predictor_describe(a->predictor);
    return vqdna_predictor_predict(a->predictor, &sequences, 1, NULL, NULL, print, &info, NULL);
}

int main(int argc, char **argv) {
    all a = {NULL};
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s TRAIN.csv SEQUENCES.fa [TOKENIZER]\n", argv[0]);
        return 1;
    }
    const vqdna_status status = run(&a, argv[1], argv[2], argc == 4 ? argv[3] : NULL);
    if (status < 0)
        fprintf(stderr, "%s: %s\n", argv[0], vqdna_last_error());
    vqdna_trainer_destroy(a.trainer);
    vqdna_predictor_destroy(a.predictor);
    vqdna_examples_destroy(a.held);
    vqdna_examples_destroy(a.train);
    vqdna_tokenizer_destroy(a.tokenizer);
    vqdna_context_destroy(a.context);
    return status >= 0                                                ? 0
           : status == VQDNA_ERR_USAGE                                ? 1
           : status == VQDNA_ERR_DEVICE || status == VQDNA_ERR_MEMORY ? 3
           : status == VQDNA_ERR_NUMERIC                              ? 4
                                                                      : 2;
}

/* Trains a classifier of DNA sequences, judges it, keeps it and tells the labels of other sequences: the public header alone.
 *
 *     cc example_predictor.c $(pkg-config --cflags --libs vqdna) -o example_predictor
 *     ./example_predictor TABLE.csv RECORDS.fa MODEL [TOKENIZER]
 *
 * TABLE.csv has columns "sequence" and "label". Some of its rows are held out: on dev rows the weights are chosen, on test rows they are
 * judged. Of each record of RECORDS.fa a line says name, label and probability. MODEL is the folder to save to, which `vqdna predict -m`
 * reads too. With TOKENIZER, a folder that `vqdna train` made, the model reads its codes, else bases. Exit: 0 ok, 1 usage, 2 bad input
 * or an output that cannot be written, 3 device, 4 numeric. */
#include <stdio.h>
#include <vqdna.h>

/* All that is to be destroyed, in one place: a step that fails returns, and what is NULL was never made. */
typedef struct work {
    vqdna_context *context;
    vqdna_examples *train, *dev, *test;
    vqdna_tokenizer *tokenizer;
    vqdna_predictor *predictor;
    vqdna_trainer *trainer;
    size_t longest; /* bases of a sequence, before rows are held out */
} work;

#define TRY(call)                                                                                                                  \
    do {                                                                                                                           \
        vqdna_status status_ = (call);                                                                                             \
        if (status_ < 0)                                                                                                           \
            return status_;                                                                                                        \
    } while (0)

/* What needs no device comes first, for a wrong file is to be told of before minutes of training. */
static vqdna_status read_inputs(work *w, const char *table, const char *records) {
    vqdna_stream_stats stats;
    TRY(vqdna_measure(&records, 1, NULL, &stats));
    TRY(vqdna_examples_read(&w->train, table, NULL, NULL));
    const vqdna_examples_info all = vqdna_examples_describe(w->train);
    w->longest = all.longest;
    TRY(vqdna_examples_split(w->train, &w->test, 5, 1)); /* one row in 5 */
    TRY(vqdna_examples_split(w->train, &w->dev, 8, 2));
    printf("%zu rows of %d labels, %zu to train on, %zu of dev, %zu of test; %llu records to tell\n", all.rows, all.classes,
           vqdna_examples_describe(w->train).rows, vqdna_examples_describe(w->dev).rows, vqdna_examples_describe(w->test).rows,
           (unsigned long long)stats.records);
    return VQDNA_OK;
}

static vqdna_status create(work *w, const char *tokenizer) {
    /* A body and a training of seconds on one core. Without width, layers, heads and pool it is the preset "tiny". */
    const char *vocabulary = tokenizer ? "codes" : "conv:9";
    const vqdna_predictor_options body = {
        .size = sizeof body, .vocabulary = vocabulary, .width = 32, .layers = 1, .heads = 2, .pool = "max"};
    const vqdna_finetune_options training = {.size = sizeof training, .batch = 16, .epochs = 8};

    TRY(vqdna_context_create(&w->context, NULL)); /* the best device, or that of $VQDNA_DEVICE */
    if (tokenizer)
        TRY(vqdna_tokenizer_open(&w->tokenizer, w->context, tokenizer));
    TRY(vqdna_predictor_create(&w->predictor, w->context, w->tokenizer, w->train, w->longest, &body, 1));
    TRY(vqdna_finetuner_create(&w->trainer, w->predictor, w->train, w->dev, &training));
    const vqdna_predictor_info info = vqdna_predictor_describe(w->predictor);
    printf("%s over %s: %llu parameters\n", info.kind, info.vocabulary, (unsigned long long)info.parameters);
    return VQDNA_OK;
}

/* A report waits for the device, so not every step has one. Its numbers say themselves what belongs on a progress line. */
static vqdna_status report(work *w) {
    vqdna_report r;
    TRY(vqdna_trainer_report(w->trainer, &r));
    printf("step %llu of %llu", (unsigned long long)r.step, (unsigned long long)r.steps);
    for (size_t i = 0; i < r.count; i++)
        if (r.numbers[i].brief)
            printf("  %s %.3f", r.numbers[i].brief, r.numbers[i].value);
    printf("\n");
    fflush(stdout);
    return VQDNA_OK;
}

static vqdna_status train(work *w) {
    enum { EVERY = 50 };
    vqdna_status status;
    uint64_t steps = 0;
    while ((status = vqdna_trainer_step(w->trainer)) == VQDNA_OK)
        if (++steps % EVERY == 0)
            TRY(report(w));
    TRY(status); /* VQDNA_END, or what went wrong */
    return steps % EVERY ? report(w) : VQDNA_OK;
}

/* The model that is judged has the weights that did best on dev; so has the one that is saved. */
static vqdna_status judge(work *w) {
    vqdna_judgement j;
    TRY(vqdna_predictor_judge(w->predictor, w->test, NULL, &j));
    printf("test: %zu rows, MCC %.3f (%.3f to %.3f), accuracy %.3f\n", j.rows, j.mcc.mean, j.mcc.low, j.mcc.high, j.accuracy.mean);
    return VQDNA_OK;
}

static vqdna_status print_prediction(void *user, const vqdna_prediction *p) {
    const vqdna_predictor_info *info = user;
    printf("%s\t%s\t%.3f\n", p->contig, info->labels[p->label], p->outputs[p->label]);
    return VQDNA_OK;
}

static vqdna_status run(work *w, char **argv) {
    TRY(read_inputs(w, argv[1], argv[2]));
    TRY(create(w, argv[4])); /* NULL ends argv */
    TRY(train(w));
    TRY(judge(w));
    TRY(vqdna_predictor_save(w->predictor, argv[3], NULL)); /* first, for a record that is too long is met only when it is read */
    const char *records = argv[2];
    vqdna_predictor_info info = vqdna_predictor_describe(w->predictor);
    return vqdna_predictor_predict(w->predictor, &records, 1, NULL, NULL, print_prediction, &info, NULL);
}

static int exit_code(vqdna_status s) {
    const bool device = s == VQDNA_ERR_DEVICE || s == VQDNA_ERR_MEMORY;
    return s >= 0 ? 0 : s == VQDNA_ERR_USAGE ? 1 : device ? 3 : s == VQDNA_ERR_NUMERIC ? 4 : 2;
}

/* The library never prints; without a handler its warnings are lost. */
static void print_message(void *user, vqdna_message_level level, const char *text) {
    (void)user;
    if (level == VQDNA_WARNING)
        fprintf(stderr, "example_predictor: warning: %s\n", text);
}

int main(int argc, char **argv) {
    work w = {0};
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: example_predictor TABLE.csv RECORDS.fa MODEL [TOKENIZER]\n");
        return 1;
    }
    vqdna_set_message_handler(print_message, NULL);
    vqdna_status status = run(&w, argv);
    if (status < 0)
        fprintf(stderr, "example_predictor: %s\n", vqdna_last_error());
    if (status >= 0 && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "example_predictor: cannot write standard output\n");
        status = VQDNA_ERR_OUTPUT;
    }
    vqdna_trainer_destroy(w.trainer); /* what uses another handle goes before it */
    vqdna_predictor_destroy(w.predictor);
    vqdna_tokenizer_destroy(w.tokenizer);
    vqdna_examples_destroy(w.train);
    vqdna_examples_destroy(w.dev);
    vqdna_examples_destroy(w.test);
    vqdna_context_destroy(w.context);
    return exit_code(status);
}

/* vqdna predict: what a trained model says of sequences, record by record or in windows that slide over them. */
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "cli/mutations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct predicting {
    vq_cli *cli;
    vqdna_predictor_info info;
    vqdna_predict_options options;
    bool mutate;
    const char *picture; /* of the first record's bases */
    char *svg;
    enum { TSV, BED, BEDGRAPH } format;
    int of; /* the class whose probability a bedGraph has */
    vq_output out;
    uint64_t count;
    struct { /* of a bedGraph: the last window, whose place ends where the next one's begins */
        char *contig;
        uint64_t start, end;
        double value;
    } last;
    struct { /* of the record whose windows come in */
        bool asked;
        char *contig;
        uint64_t start, from, end; /* of the last window; of all */
        double *sums;              /* over windows: logarithms of the labels' probabilities, or the value */
        size_t windows;
    } vote;
} predicting;

static void write_header(predicting *p, const char *provenance) {
    static const char *const heads[] = {"#vqdna predictions 2\n", "#vqdna intervals\n", "#vqdna bedGraph\n"};
    vq_output_print(&p->out, "%s", heads[p->format]);
    if (provenance)
        vq_output_print(&p->out, "#provenance %s\n", provenance);
    if (p->format != TSV)
        return;
    vq_output_print(&p->out, "#contig\tstart\tend\t%s", p->info.classes ? "label" : "value");
    for (int k = 0; k < p->info.classes; k++)
        vq_output_print(&p->out, "\t%s", p->info.labels[k]);
    vq_output_print(&p->out, "\n");
}

static void end_graph(predicting *p, uint64_t end) {
    if (p->last.contig && end > p->last.start)
        vq_output_print(&p->out, "%s\t%llu\t%llu\t%.6g\n", p->last.contig, (unsigned long long)p->last.start,
                        (unsigned long long)end, p->last.value);
}

/* Windows overlap and the lines of a bedGraph must not: each window stands for the bases about its middle, up to half-way to the next. */
static void write_graph(predicting *p, const vqdna_prediction *r) {
    const double value = r->label < 0 ? r->outputs[0] : r->outputs[p->of];
    const bool same = p->last.contig && !strcmp(p->last.contig, r->contig) && r->start > 0;
    uint64_t from = r->start;
    if (same) {
        from = r->start < p->last.end ? (r->start + p->last.end) / 2 : r->start;
        end_graph(p, from < p->last.end ? from : p->last.end);
    } else {
        end_graph(p, p->last.end);
        free(p->last.contig);
        p->last.contig = vq_need_text(r->contig);
    }
    p->last.start = from;
    p->last.end = r->end;
    p->last.value = value;
}

static void write_row(predicting *p, const vqdna_prediction *r) {
    p->count++;
    switch (p->format) {
    case TSV:
        vq_output_print(&p->out, "%s\t%llu\t%llu", r->contig, (unsigned long long)r->start, (unsigned long long)r->end);
        if (r->label >= 0)
            vq_output_print(&p->out, "\t%s", p->info.labels[r->label]);
        for (int k = 0; k < r->count; k++)
            vq_output_print(&p->out, "\t%.6g", r->outputs[k]);
        vq_output_print(&p->out, "\n");
        break;
    case BED:
        vq_output_print(&p->out, "%s\t%llu\t%llu\t%s\t%.0f\t.\n", r->contig, (unsigned long long)r->start,
                        (unsigned long long)r->end, p->info.labels[r->label], 1000 * r->outputs[r->label]);
        break;
    case BEDGRAPH:
        write_graph(p, r);
    }
}

/* What the windows of a record say together: labels by the product of their probabilities, as if windows were independent; the mean of
 * values. */
static void end_vote(predicting *p) {
    const int count = p->info.classes ? p->info.classes : 1;
    vqdna_prediction all = {.contig = p->vote.contig, .start = p->vote.from, .end = p->vote.end, .label = -1, .count = count};
    if (!p->vote.windows)
        return;
    float *outputs = vq_need(NULL, (size_t)count * sizeof *outputs);
    outputs[0] = (float)(p->vote.sums[0] / (double)p->vote.windows);
    if (p->info.classes) {
        double most = -INFINITY, total = 0;
        for (int k = 0; k < count; k++)
            if (p->vote.sums[k] > most) {
                most = p->vote.sums[k];
                all.label = k;
            }
        for (int k = 0; k < count; k++)
            total += exp(p->vote.sums[k] - most);
        for (int k = 0; k < count; k++)
            outputs[k] = (float)(exp(p->vote.sums[k] - most) / total);
    }
    all.outputs = outputs;
    write_row(p, &all);
    free(outputs);
    free(p->vote.contig);
    p->vote.contig = NULL;
    p->vote.windows = 0;
}

static void add_vote(predicting *p, const vqdna_prediction *r) {
    if (p->vote.windows && (strcmp(p->vote.contig, r->contig) != 0 || r->start <= p->vote.start))
        end_vote(p);
    if (!p->vote.windows) {
        p->vote.contig = vq_need_text(r->contig);
        p->vote.sums = vq_need(p->vote.sums, (size_t)r->count * sizeof *p->vote.sums);
        memset(p->vote.sums, 0, (size_t)r->count * sizeof *p->vote.sums);
        p->vote.from = r->start;
    }
    for (int k = 0; k < r->count; k++)
        p->vote.sums[k] += r->label < 0 ? r->outputs[k] : log(fmax(r->outputs[k], 1e-30));
    p->vote.start = r->start;
    p->vote.end = r->end;
    p->vote.windows++;
}

static vqdna_status write_prediction(void *user, const vqdna_prediction *r) {
    predicting *p = user;
    if (p->vote.asked)
        add_vote(p, r);
    else
        write_row(p, r);
    return p->out.error ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static vqdna_status write_mutations(void *user, const vqdna_mutations *m) {
    predicting *p = user;
    if (p->picture && !p->svg)
        p->svg = vq_mutations_svg(m, m->label < 0 ? NULL : p->info.labels[m->label]);
    vq_mutations_rows(&p->out, m);
    p->count++;
    return p->out.error ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

/* ---- The command ------------------------------------------------------------------------------------------------------------- */

static int take_format(predicting *p, const char *format) {
    static const char *const names[] = {"tsv", "bed", "bedgraph"};
    for (int i = 0; i < 3; i++)
        if (!format || !strcmp(format, names[i])) {
            p->format = i;
            return VQ_GO_ON;
        }
    return vq_cli_fail(p->cli, VQ_EXIT_USAGE, "there is no format '%s': use tsv, bed or bedgraph", format);
}

/* The class a bedGraph is of: the last unless one is named. */
static int take_class(predicting *p, const char *label) {
    p->of = p->info.classes - 1;
    if (p->format == BED && !p->info.classes)
        return vq_cli_fail(p->cli, VQ_EXIT_USAGE, "bed has labels, and the model gives numbers: use tsv or bedgraph");
    if (!label)
        return VQ_GO_ON;
    for (p->of = 0; p->of < p->info.classes; p->of++)
        if (!strcmp(p->info.labels[p->of], label))
            return VQ_GO_ON;
    return vq_cli_fail(p->cli, VQ_EXIT_USAGE, "the model has no label '%s'", label);
}

static int predict(predicting *p, const char *model, const char *adapter, const char *path, const char *label, vq_sequences *in) {
    static const vq_kind kinds[] = {VQ_KIND_PREDICTIONS, VQ_KIND_BED, VQ_KIND_BEDGRAPH};
    const vq_kind kind = p->mutate ? VQ_KIND_MUTATIONS : kinds[p->format];
    vq_cli *cli = p->cli;
    vq_session session = {0};
    vqdna_predictor *predictor = NULL;
    vqdna_stream_stats stats = {0};
    int code = path ? vq_output_check(cli, path, kind) : VQ_GO_ON;
    if (code == VQ_GO_ON && p->picture)
        code = vq_output_check(cli, p->picture, VQ_KIND_SVG);
    if (code == VQ_GO_ON)
        code = vq_session_open_predictor(&session, cli, model, adapter, &predictor);
    if (code == VQ_GO_ON) {
        p->info = vqdna_predictor_describe(predictor);
        code = take_class(p, label);
    }
    if (code == VQ_GO_ON)
        code = vq_output_open(&p->out, cli, path, kind);
    if (code != VQ_GO_ON)
        goto done;
    char *provenance = vq_provenance_text(cli, &session);
    if (p->mutate)
        vq_mutations_header(&p->out, provenance);
    else
        write_header(p, provenance);
    free(provenance);
    const vqdna_stream_options stream = {
        .size = sizeof stream, .input = &in->input, .progress = vq_cli_stream_progress, .user = cli};
    const char *const *paths = (const char *const *)in->paths->items;
    const size_t files = in->paths->count;
    vqdna_status status = p->mutate
                              ? vqdna_predictor_mutate(predictor, paths, files, &stream, &p->options, write_mutations, p, &stats)
                              : vqdna_predictor_predict(predictor, paths, files, &stream, &p->options, write_prediction, p, &stats);
    if (p->out.error)
        code = vq_output_failed(&p->out, cli);
    else if (status < 0)
        code = vq_cli_failed(cli, status);
    if (code != VQ_GO_ON)
        goto done;
    end_vote(p);
    if (p->format == BEDGRAPH && !p->mutate)
        end_graph(p, p->last.end);
    code = vq_output_commit(&p->out, NULL, cli);
    if (code != VQ_GO_ON)
        goto done;
    if (p->svg)
        code = vq_output_file(cli, p->picture, VQ_KIND_SVG, p->svg);
    if (code != VQ_GO_ON)
        goto done;
    char *before = vq_join("%llu prediction%s of ", (unsigned long long)p->count, p->count == 1 ? "" : "s");
    vq_cli_stream_note(cli, before, &stats);
    free(before);
    code = VQ_EXIT_OK;
done:
    vq_output_abandon(&p->out);
    free(p->last.contig);
    free(p->vote.contig);
    free(p->vote.sums);
    free(p->svg);
    vqdna_predictor_destroy(predictor);
    vq_session_close(&session);
    return code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *adapter = NULL, *path = NULL, *format = NULL, *label = NULL;
    uint64_t window = 0, step = 0, phases = 0;
    predicting p = {.cli = cli, .out.fd = -1};
    vq_sequences in = {0};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the folder of a model that finetune made"},
        {"adapter", 0, "FILE", VQ_TEXT, &adapter, "MODEL is the base that this adapter.safetensors of finetune was trained on"},
        {"output", 'o', "OUT", VQ_TEXT, &path, "the file to write (default: standard output)"},
        {"format", 'f', "F", VQ_TEXT, &format, "tsv (label and probabilities), bed or bedgraph (default: tsv)"},
        {"window", 0, "N", VQ_COUNT, &window, "have windows of N bases slide over each record (default: whole records)"},
        {"step", 0, "N", VQ_COUNT, &step, "bases from a window to the next (default: the window)"},
        {"vote", 0, NULL, VQ_FLAG, &p.vote.asked, "with --window, what the windows of a record say together"},
        {"class", 0, "LABEL", VQ_TEXT, &label, "the label whose probability a bedgraph has (default: the last)"},
        {"mutate", 0, NULL, VQ_FLAG, &p.mutate, "what each base of whole records does to their prediction, as a table"},
        {"svg", 0, "FILE", VQ_TEXT, &p.picture, "with --mutate, the same of the first record as a picture"},
        {"both-strands", 0, NULL, VQ_FLAG, &p.options.both_strands, "average what is said of both strands"},
        {"phases", 0, "N", VQ_COUNT, &phases, "average over N places of the first token (at most the stride)"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        VQ_SEQUENCE_OPTIONS(in),
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    if (!model)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    if (step && !window)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--step is of windows: give --window too");
    if (p.vote.asked && !window)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--vote is of windows: give --window too");
    if (p.picture && !p.mutate)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--svg is a picture of --mutate: give both");
    if (p.mutate && (window || (format && strcmp(format, "tsv") != 0)))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--mutate reads whole records and writes a table: leave --window and --format out");
    if (phases > 64)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--phases takes at most the vocabulary's stride");
    cli->model = model;
    p.options.window = (size_t)window;
    p.options.step = (size_t)step;
    p.options.phases = (int)phases;
    code = take_format(&p, format);
    if (code == VQ_GO_ON && p.vote.asked && p.format == BEDGRAPH)
        code = vq_cli_fail(cli, VQ_EXIT_USAGE, "a bedgraph is of windows along a record: leave --vote out, or use tsv or bed");
    if (code == VQ_GO_ON)
        code = vq_sequences_take(&in, cli, &inputs);
    if (code == VQ_GO_ON)
        code = predict(&p, model, adapter, path, label, &in);
    vq_sequences_free(&in);
    return code;
}

const vq_command vq_cmd_predict = {
    .name = "predict",
    .summary = "what a trained model says of sequences, or of windows along a genome",
    .synopsis = "-m MODEL [-f tsv|bed|bedgraph] [--window N [--step N] [--vote]] [-o OUT] FASTA|-...",
    .notes = "Example: vqdna predict -m promoters --window 300 --step 50 --both-strands -f bedgraph -o chr20.bedgraph chr20.fa.gz",
    .run = run,
};

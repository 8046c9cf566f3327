/* vqdna report: a model and what was found out about it, on one page. */
#include "cli/cli_input.h"
#include "cli/cli_options.h"
#include "cli/cli_output.h"
#include "cli/cli_session.h"
#include "cli/cli_sha256.h"
#include "report/page_codebook.h"
#include "report/page_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST = 256 << 20 };

typedef enum kind { CODEBOOK, PROBE, EVAL, KINDS } kind;

typedef struct source {
    const char *path;
    json_t *json;
    kind kind;
} source;

/* ---- What is read ------------------------------------------------------------------------------------------------------------ */

/* All of a file, to be freed; NULL with a sentence, or without one if it need not be there. */
static char *read_file(vq_cli *cli, const char *path, size_t *bytes, bool needed, int *code) {
    vq_input in;
    if (!needed && access(path, R_OK) != 0)
        return NULL;
    *code = cli_input_open(&in, cli, path);
    if (*code != VQ_GO_ON)
        return NULL;
    const char *data;
    *bytes = vq_input_peek(&in, &data, LARGEST);
    char *text = memcpy(vq_need(NULL, *bytes + 1), data, *bytes);
    text[*bytes] = '\0';
    if (in.error || *bytes == LARGEST)
        *code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s: %s", in.path, in.error ? in.error : "a quarter of a gigabyte is no report's");
    vq_input_close(&in);
    return text;
}

static int read_json(vq_cli *cli, source *s) {
    int code = VQ_GO_ON;
    size_t bytes = 0;
    json_error_t error;
    char *text = read_file(cli, s->path, &bytes, true, &code);
    if (code == VQ_GO_ON && !(s->json = json_loadb(text, bytes, 0, &error)))
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s, line %d is not JSON: %s", s->path, error.line, error.text);
    free(text);
    if (code != VQ_GO_ON)
        return code;
    static const char *const marks[KINDS] = {"first_offset", "features", "reconstruction_accuracy"};
    for (s->kind = 0; s->kind < KINDS; s->kind++)
        if (json_object_get(s->json, marks[s->kind]))
            return VQ_GO_ON;
    return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is not what codebook, probe or eval print with --json", s->path);
}

/* ---- What is shown ----------------------------------------------------------------------------------------------------------- */

static void put_model(vq_page *p, const char *model, const vqdna_model_info *m, const char *sha256, const json_t *metrics) {
    char codes[160] = "", number[16];
    for (int n = 0, used = 0; n < m->levels; n++)
        used += snprintf(codes + used, sizeof codes - (size_t)used, "%s%d", n ? " + " : "", m->codes[n]);
    vq_page_put(p, "<section>\n<h2>The model</h2>\n<div class=\"wide\"><table class=\"facts\"><tbody>\n");
    vq_page_row(p, "folder", "%s", model);
    vq_page_row(p, "preset, quantizer", "%s, %s", m->preset, m->quantizer);
    vq_page_row(p, "codes", "%s, of dimension %d", codes, m->dim);
    vq_page_row(p, "blocks, stem", "%d of encoder and decoder each, %d wide stem", m->blocks, m->stem);
    vq_page_row(p, "a code depends on", "%d bases; the decoder was trained on one code in %d", m->receptive_field,
                m->decoder_stride);
    vq_page_row(p, "parameters", "%s", vq_short_number(number, (double)m->parameters));
    vq_page_row(p, "training steps", "%llu", (unsigned long long)m->step);
    vq_page_row(p, "SHA-256 of its weights", "%s", sha256);
    vq_page_table_end(p);
    static const char *const columns[] = {"", "bases", "reconstruction", "cross-entropy (nats)", NULL};
    vq_page_table(p, columns);
    for (int i = 0; i < 2; i++) {
        const json_t *of = json_object_get(metrics, i ? "eval" : "training");
        if (!of)
            continue;
        vq_page_put(p, "<tr><th scope=\"row\">%s</th>", i ? "held-out sequences" : "training");
        vq_page_cell(p, of, "bases", "%.0f", 1);
        vq_page_cell(p, of, "reconstruction_accuracy", "%.4f %%", 100);
        vq_page_cell(p, of, "cross_entropy", "%.4f", 1);
        vq_page_put(p, "</tr>\n");
    }
    vq_page_table_end(p);
    vq_page_put(p, "</section>\n");
}

static int put_curves(vq_page *p, vq_cli *cli, const char *model) {
    int code = VQ_GO_ON;
    size_t bytes = 0;
    char *path = vq_join("%s/training.svg", model), *svg = read_file(cli, path, &bytes, false, &code);
    vq_page_put(p, "<section>\n<h2>Training curves</h2>\n");
    if (svg)
        vq_page_image(p, "image/svg+xml", svg, bytes, "Curves of the training: loss, accuracy, use of the codes");
    else
        vq_page_put(p, "<p>The model's folder has no training.svg.</p>\n");
    vq_page_put(p, "</section>\n");
    free(path);
    free(svg);
    return code;
}

/* The interval of an MCC as a bar with its mean and a tick at 0. Few are far below 0: what is beyond -0.2 is cut off. */
static void put_interval(vq_page *p, const json_t *mcc) {
    enum { WIDE = 120, ZERO = WIDE / 6 };
    static const char *const names[] = {"low", "mean", "high"};
    double at[3];
    for (int i = 0; i < 3; i++) {
        const json_t *value = vq_member(mcc, names[i]);
        if (!json_is_number(value) || fabs(json_number_value(value)) > 1)
            return;
        at[i] = fmax(0, ZERO + (WIDE - ZERO) * json_number_value(value));
    }
    vq_page_put(p,
                "<svg class=\"bar\" width=\"%d\" height=\"14\" viewBox=\"-2 0 %d 14\" aria-hidden=\"true\">"
                "<path fill=\"none\" stroke=\"#8a919b\" d=\"M0 7h%dM%d 2v10\"/>"
                "<path fill=\"none\" stroke=\"currentColor\" stroke-width=\"4\" d=\"M%.1f 7H%.1f\"/>"
                "<path fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" d=\"M%.1f 1v12\"/></svg> ",
                WIDE + 4, WIDE + 4, WIDE, ZERO, at[0], at[2], at[1]);
}

static void put_score(vq_page *p, const json_t *r, const char *part) {
    const json_t *mcc = vq_member(vq_member(r, part), "mcc");
    vq_page_put(p, "<td>");
    vq_page_number(p, mcc, "mean", "%.3f", 1);
    if (json_number_value(vq_member(mcc, "sd")) > 0)
        vq_page_number(p, mcc, "sd", " \xC2\xB1 %.3f", 1);
    vq_page_put(p, "</td>");
}

static void put_probes(vq_page *p, const source *sources, size_t count) {
    static const char *const columns[] = {
        "file",        "features",           "columns", "seeds", "dev MCC", "test MCC", "95 % interval", "macro F1", "accuracy",
        "look-up MCC", "test rows in train", NULL};
    vq_page_put(p, "<section>\n<h2>What it is worth to a linear reader</h2>\n");
    vq_page_table(p, columns);
    for (size_t i = 0; i < count; i++) {
        const json_t *r = sources[i].json;
        if (sources[i].kind != PROBE)
            continue;
        vq_page_put(p, "<tr>");
        vq_page_text_cell(p, sources[i].path);
        vq_page_text_cell(p, json_string_value(json_object_get(r, "features")));
        vq_page_cell(p, r, "columns", "%.0f", 1);
        vq_page_cell(p, r, "seeds", "%.0f", 1);
        put_score(p, r, "dev");
        put_score(p, r, "test");
        vq_page_put(p, "<td class=\"one\">");
        put_interval(p, vq_member(r, "test.mcc"));
        vq_page_number(p, r, "test.mcc.low", "%.3f to ", 1);
        vq_page_number(p, r, "test.mcc.high", "%.3f", 1);
        vq_page_put(p, "</td>");
        vq_page_cell(p, r, "test.f1_macro.mean", "%.3f", 1);
        vq_page_cell(p, r, "test.accuracy.mean", "%.3f", 1);
        put_score(p, r, "lookup");
        vq_page_cell(p, r, "test_rows_in_train", "%.0f", 1);
        vq_page_put(p, "</tr>\n");
    }
    vq_page_table_end(p);
    vq_page_put(
        p, "<p>MCC: Matthews correlation, the mean over seeds, \xC2\xB1 its standard deviation over them; the interval "
           "is over test rows and drawn from -0.2 to 1, with a tick at 0. Look-up: the label of the training row that shares most "
           "words of 8 bases.</p>\n</section>\n");
}

static void put_evals(vq_page *p, const source *sources, size_t count) {
    static const char *const columns[] = {"file", "bases", "skipped", "reconstruction", "cross-entropy (nats)", NULL};
    vq_page_put(p, "<section>\n<h2>Reconstruction</h2>\n");
    vq_page_table(p, columns);
    for (size_t i = 0; i < count; i++) {
        if (sources[i].kind != EVAL)
            continue;
        vq_page_put(p, "<tr>");
        vq_page_text_cell(p, sources[i].path);
        vq_page_cell(p, sources[i].json, "bases", "%.0f", 1);
        vq_page_cell(p, sources[i].json, "skipped", "%.0f", 1);
        vq_page_cell(p, sources[i].json, "reconstruction_accuracy", "%.4f %%", 100);
        vq_page_cell(p, sources[i].json, "cross_entropy", "%.4f", 1);
        vq_page_put(p, "</tr>\n");
    }
    vq_page_table_end(p);
    vq_page_put(p, "</section>\n");
}

static void put_provenance(vq_page *p, const char *of, const json_t *provenance) {
    if (!json_is_object(provenance))
        return;
    char *text = vq_json_print(provenance, true);
    vq_page_put(p, "<h3>");
    vq_page_text(p, "%s", of);
    vq_page_put(p, "</h3>\n<pre>");
    vq_page_text(p, "%s", text);
    vq_page_put(p, "</pre>\n");
    free(text);
}

static int put_page(vq_page *p, vq_cli *cli, const char *model, const source *sources, size_t count) {
    vqdna_model_info info;
    vqdna_status status = vqdna_model_describe(model, &info, NULL, NULL);
    if (status < 0)
        return vq_cli_failed(cli, status);
    char digest[65], *weights = vq_join("%s/model.safetensors", model);
    int code = vq_sha256_file(cli, weights, digest), of[KINDS] = {0};
    free(weights);
    if (code != VQ_GO_ON)
        return code;
    size_t bytes = 0;
    char *path = vq_join("%s/metrics.json", model), *text = read_file(cli, path, &bytes, false, &code);
    json_t *metrics = text ? json_loadb(text, bytes, 0, NULL) : NULL;
    free(path);
    free(text);
    const char *slash = strrchr(model, '/');
    char *title = vq_join("Vocabulary %s", slash && slash[1] ? slash + 1 : model);
    vq_page_begin(p, title);
    free(title);
    put_model(p, model, &info, digest, metrics);
    if (code == VQ_GO_ON)
        code = put_curves(p, cli, model);
    for (size_t i = 0; i < count; i++) {
        of[sources[i].kind]++;
        if (sources[i].kind == CODEBOOK)
            vq_page_codebook(p, sources[i].path, sources[i].json);
    }
    if (of[PROBE])
        put_probes(p, sources, count);
    if (of[EVAL])
        put_evals(p, sources, count);
    if (!cli->no_provenance) {
        vq_page_put(p, "<section>\n<h2>Provenance</h2>\n");
        put_provenance(p, model, json_object_get(metrics, "provenance"));
        for (size_t i = 0; i < count; i++)
            put_provenance(p, sources[i].path, json_object_get(sources[i].json, "provenance"));
        vq_page_put(p, "</section>\n");
    }
    vq_page_end(p);
    json_decref(metrics);
    return code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *path = NULL;
    const vq_option options[] = {
        {"output", 'o', "OUT.html", VQ_TEXT, &path, "write here instead of standard output"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made what and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 1, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    cli->model = inputs.items[0];
    size_t count = inputs.count - 1;
    source *sources = memset(vq_need(NULL, inputs.count * sizeof *sources), 0, inputs.count * sizeof *sources);
    for (size_t i = 0; i < count; i++) {
        sources[i].path = inputs.items[i + 1];
        vq_output_protect(cli, sources[i].path);
    }
    code = vq_output_check(cli, path, VQ_KIND_REPORT);
    for (size_t i = 0; i < count && code == VQ_GO_ON; i++)
        code = read_json(cli, &sources[i]);
    vq_page page = {0};
    if (code == VQ_GO_ON)
        code = put_page(&page, cli, inputs.items[0], sources, count);
    if (code == VQ_GO_ON)
        code = vq_output_file(cli, path, VQ_KIND_REPORT, page.text);
    for (size_t i = 0; i < count; i++)
        json_decref(sources[i].json);
    free(sources);
    free(page.text);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

const vq_command vq_cmd_report = {
    .name = "report",
    .summary = "a model and what was found out about it, on one page of HTML",
    .synopsis = "MODEL [JSON...] [-o OUT.html]",
    .notes = "Example: vqdna report model codebook.json probe.json -o report.html; JSON is what codebook, probe and eval print "
             "with --json. The\n"
             "page asks for nothing else: no network, no script.",
    .run = run,
};

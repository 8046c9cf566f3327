/* vqdna compare: which codes, at which positions, tell two groups of aligned records apart. */
#include "cli/cli_input.h"
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "cli/cli_svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A known difference, of the table that is the answer key. */
typedef struct known {
    uint64_t start, end;
    char *name;
    bool found;
} known;

typedef struct comparing {
    vq_cli *cli;
    const char *path, *rows, *svg, *key;
    vqdna_contrast_options options;
    vq_sequences in;
    vq_session session;
    vqdna_contrast *contrast;
    vqdna_contrast_report report;
    known *known;
    size_t known_count, known_room, found, stray; /* known ones in a call; calls without one */
} comparing;

/* ---- The answer key ---------------------------------------------------------------------------------------------------------- */

static int take_known(comparing *c, const vq_input *in, const char *line, size_t length) {
    uint64_t start, end;
    int name = 0;
    char *text = vq_join("%.*s", (int)length, line);
    if (!*text || *text == '#' || !strncmp(text, "track", 5)) {
        free(text);
        return VQ_GO_ON;
    }
    const bool right = sscanf(text, "%*s\t%" SCNu64 "\t%" SCNu64 "%n", &start, &end, &name) == 2 && end > start;
    if (!right) {
        free(text);
        return vq_cli_fail(c->cli, VQ_EXIT_INPUT, "%s, line %llu: not BED: a name, start and end, split by tabs", in->path,
                           (unsigned long long)in->line);
    }
    if (c->known_count == c->known_room) {
        c->known_room = 2 * c->known_room + 64;
        c->known = vq_need(c->known, c->known_room * sizeof *c->known);
    }
    const char *rest = text + name + (text[name] == '\t');
    c->known[c->known_count++] = (known){start, end, vq_join("%.*s", (int)strcspn(rest, "\t"), rest), false};
    free(text);
    return VQ_GO_ON;
}

static int read_key(comparing *c) {
    vq_input in;
    const char *line;
    size_t length;
    int code = cli_input_open(&in, c->cli, c->key);
    while (code == VQ_GO_ON && vq_input_text_line(&in, &line, &length))
        code = take_known(c, &in, line, length);
    if (code == VQ_GO_ON && in.error)
        code = vq_cli_fail(c->cli, VQ_EXIT_INPUT, "%s: %s", in.path, in.error);
    vq_input_close(&in);
    if (code == VQ_GO_ON && !c->known_count)
        code = vq_cli_fail(c->cli, VQ_EXIT_INPUT, "%s has no intervals", c->key);
    return code;
}

static bool meets(const known *k, const vqdna_contrast_call *call) {
    return k->start < call->end && k->end > call->start;
}

static void answer(comparing *c) {
    for (size_t i = 0; i < c->report.call_count; i++) {
        bool any = false;
        for (size_t k = 0; k < c->known_count; k++)
            if (meets(&c->known[k], &c->report.calls[i]))
                any = c->known[k].found = true;
        c->stray += !any;
    }
    for (size_t k = 0; k < c->known_count; k++)
        c->found += c->known[k].found;
}

/* ---- Outputs ----------------------------------------------------------------------------------------------------------------- */

static void write_head(const comparing *c, vq_output *out, const char *columns) {
    char *provenance = vq_provenance_text(c->cli, &c->session);
    vq_output_print(out, "#vqdna contrast 1\n");
    if (provenance)
        vq_output_print(out, "#provenance %s\n", provenance);
    vq_output_print(out, "#groups A %zu B %zu records of %" PRIu64 " bases\n%s\n", c->report.records[0], c->report.records[1],
                    c->report.length, columns);
    free(provenance);
}

static int write_calls(comparing *c) {
    vq_output out = {.fd = -1};
    int code = vq_output_open(&out, c->cli, c->path, VQ_KIND_CONTRAST);
    if (code != VQ_GO_ON)
        return code;
    write_head(c, &out, c->key ? "#start\tend\tmiddle\tcodes\tdifference\tp\tknown" : "#start\tend\tmiddle\tcodes\tdifference\tp");
    for (size_t i = 0; i < c->report.call_count; i++) {
        const vqdna_contrast_call *r = &c->report.calls[i];
        vq_output_print(&out, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%zu\t%.4f\t%.3g", r->start, r->end,
                        (r->start + r->end - 1) / 2, r->rows, r->difference, r->p);
        const char *before = "\t";
        for (size_t k = 0; k < c->known_count; k++)
            if (meets(&c->known[k], r)) {
                vq_output_print(&out, "%s%s", before, c->known[k].name);
                before = ",";
            }
        vq_output_print(&out, c->key && *before == '\t' ? "\t\n" : "\n");
    }
    return vq_output_commit(&out, NULL, c->cli);
}

static int write_rows(comparing *c) {
    vq_output out = {.fd = -1};
    int code = vq_output_open(&out, c->cli, c->rows, VQ_KIND_CONTRAST);
    if (code != VQ_GO_ON)
        return code;
    write_head(c, &out, "#position\tlevel\tcode_A\tin_A\tin_B\tcode_B\tin_A\tin_B\tknown_A\tknown_B\tdifference\tp");
    for (size_t i = 0; i < c->report.row_count; i++) {
        const vqdna_contrast_row *r = &c->report.rows[i];
        vq_output_print(&out, "%" PRIu64 "\t%d", r->position, r->level);
        for (int g = 0; g < 2; g++)
            vq_output_print(&out, "\t%u\t%" PRIu64 "\t%" PRIu64, r->code[g], r->count[g][0], r->count[g][1]);
        vq_output_print(&out, "\t%" PRIu64 "\t%" PRIu64 "\t%.4f\t%.3g\n", r->known[0], r->known[1], r->difference, r->p);
    }
    return vq_output_commit(&out, NULL, c->cli);
}

/* Along the records: a bar a position and level, as tall as the shares differ; level 1 up, the others down; known differences as marks. */
static char *draw(const comparing *c) {
    enum { WIDE = 1000, LEFT = 50, SPAN = 920, MIDDLE = 150, TALL = 90, BOTTOM = 270 };
    vq_picture p = {0};
    char text[160];
    const double scale = (double)SPAN / (double)(c->report.length ? c->report.length : 1);
    vq_picture_begin(&p, WIDE, BOTTOM + 30);
    snprintf(text, sizeof text, "%zu calls between %zu and %zu records", c->report.call_count, c->report.records[0],
             c->report.records[1]);
    vq_picture_text(&p, LEFT, 30, "font-size=\"17\" font-weight=\"600\"", text);
    vq_picture_text(&p, LEFT - 8, MIDDLE - TALL + 4, "text-anchor=\"end\"", "1");
    vq_picture_text(&p, LEFT - 8, MIDDLE + 4, "text-anchor=\"end\"", "0");
    vq_picture_text(&p, LEFT - 8, MIDDLE + TALL + 4, "text-anchor=\"end\"", "1");
    vq_picture_text(&p, LEFT + 6, MIDDLE - TALL + 4, "fill=\"#0072b2\"", "level 1: difference of shares");
    vq_picture_text(&p, LEFT + 6, MIDDLE + TALL + 4, "fill=\"#d55e00\"", "deeper levels");
    vq_picture_put(&p, "<path stroke=\"#888\" d=\"M%d %dh%d\"/>\n", LEFT, MIDDLE, SPAN);
    for (size_t i = 0; i < c->report.row_count; i++) {
        const vqdna_contrast_row *r = &c->report.rows[i];
        vq_picture_put(&p, "<path stroke=\"%s\" stroke-width=\"1.2\" d=\"M%.2f %dv%.1f\"/>\n",
                       r->level == 1 ? "#0072b2" : "#d55e00", LEFT + scale * ((double)r->position + 0.5), MIDDLE,
                       (r->level == 1 ? -1 : 1) * TALL * r->difference);
    }
    for (size_t k = 0; k < c->known_count; k++)
        vq_picture_put(&p, "<path fill=\"%s\" d=\"M%.2f %dl4 8h-8z\"/>\n", c->known[k].found ? "#009e73" : "#000000",
                       LEFT + scale * ((double)c->known[k].start + 0.5), MIDDLE + TALL + 12);
    if (c->key) {
        snprintf(text, sizeof text, "known: %zu of %zu are in a call (green), %zu calls have none", c->found, c->known_count,
                 c->stray);
        vq_picture_text(&p, LEFT, BOTTOM + 20, "", text);
    }
    for (int i = 0; i <= 5; i++) {
        snprintf(text, sizeof text, "%" PRIu64, c->report.length * (uint64_t)i / 5);
        vq_picture_text(&p, LEFT + SPAN * i / 5.0, BOTTOM, "text-anchor=\"middle\"", text);
    }
    vq_picture_put(&p, "</svg>\n");
    return p.text;
}

static void print_summary(const comparing *c) {
    const vqdna_contrast_report *r = &c->report;
    if (c->cli->json) {
        json_t *missed = json_array(),
               *object = json_pack("{s[II]sIsIsI}", "records", (json_int_t)r->records[0], (json_int_t)r->records[1], "length",
                                   (json_int_t)r->length, "rows", (json_int_t)r->row_count, "calls", (json_int_t)r->call_count);
        for (size_t k = 0; k < c->known_count; k++)
            if (!c->known[k].found)
                json_array_append_new(missed, cli_json_text(c->known[k].name));
        if (c->key) {
            json_object_set_new(object, "known", json_integer((json_int_t)c->known_count));
            json_object_set_new(object, "known_found", json_integer((json_int_t)c->found));
            json_object_set_new(object, "calls_without_known", json_integer((json_int_t)c->stray));
            json_object_set(object, "missed", missed);
        }
        char *text = vq_json_print(object, true);
        puts(text);
        free(text);
        json_decref(missed);
        json_decref(object);
        return;
    }
    vq_cli_note(c->cli, "%zu and %zu records of %" PRIu64 " bases: %zu calls of %zu codes", r->records[0], r->records[1], r->length,
                r->call_count, r->row_count);
    if (c->key)
        vq_cli_note(c->cli, "of %zu known differences %zu are in a call; %zu calls have none", c->known_count, c->found, c->stray);
}

/* ---- The command ------------------------------------------------------------------------------------------------------------- */

static int check(comparing *c, const char *model) {
    if (!model)
        return vq_cli_fail(c->cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    if (c->in.paths->count != 2)
        return vq_cli_fail(c->cli, VQ_EXIT_USAGE, "two inputs are compared, group A and group B, not %zu", c->in.paths->count);
    if (c->options.least > 1 || c->options.alpha > 1)
        return vq_cli_fail(c->cli, VQ_EXIT_USAGE, "--least and --alpha are shares: at most 1");
    if (c->cli->json && (!c->path || !strcmp(c->path, "-")))
        return vq_cli_fail(c->cli, VQ_EXIT_USAGE, "--json goes to standard output: name a file for the calls with -o");
    if (c->key)
        vq_output_protect(c->cli, c->key);
    int code = vq_output_check(c->cli, c->path, VQ_KIND_CONTRAST);
    if (code == VQ_GO_ON && c->rows)
        code = vq_output_check(c->cli, c->rows, VQ_KIND_CONTRAST);
    if (code == VQ_GO_ON && c->svg)
        code = vq_output_check(c->cli, c->svg, VQ_KIND_SVG);
    return code == VQ_GO_ON && c->key ? read_key(c) : code;
}

static int compare(comparing *c, const char *model, vq_list *inputs) {
    c->cli->model = model;
    int code = vq_sequences_take(&c->in, c->cli, inputs);
    if (code == VQ_GO_ON)
        code = check(c, model);
    if (code == VQ_GO_ON)
        code = vq_session_open(&c->session, c->cli, model);
    if (code != VQ_GO_ON)
        return code;
    const vqdna_stream_options stream = {.size = sizeof stream,
                                         .input = &c->in.input,
                                         .interrupted = vq_signals_caught,
                                         .progress = vq_cli_stream_progress,
                                         .user = c->cli};
    const char *const *paths = (const char *const *)c->in.paths->items;
    vqdna_status status = vqdna_contrast_create(&c->contrast, c->session.tokenizer, paths, 1, paths + 1, 1, &stream, &c->options);
    vq_cli_progress_clear(c->cli);
    if (status < 0)
        return vq_cli_failed(c->cli, status);
    c->report = vqdna_contrast_read(c->contrast);
    answer(c);
    code = write_calls(c);
    if (code == VQ_GO_ON && c->rows)
        code = write_rows(c);
    if (code == VQ_GO_ON && c->svg) {
        char *svg = draw(c);
        code = vq_output_file(c->cli, c->svg, VQ_KIND_SVG, svg);
        free(svg);
    }
    if (code != VQ_GO_ON)
        return code;
    print_summary(c);
    return VQ_EXIT_OK;
}

static int run(vq_cli *cli, int argc, char **argv) {
    comparing c = {.cli = cli, .options = {.size = sizeof c.options}};
    const char *model = NULL;
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the tokenizer's folder"},
        {"output", 'o', "OUT", VQ_TEXT, &c.path, "the calls, as a table (default: standard output)"},
        {"rows", 0, "FILE", VQ_TEXT, &c.rows, "each position and level that differs, with codes and counts"},
        {"svg", 0, "FILE", VQ_TEXT, &c.svg, "the same along the records, as a picture"},
        {"known", 0, "BED", VQ_TEXT, &c.key, "known differences: say which are found, and how many calls have none"},
        {"least", 0, "D", VQ_NUMBER, &c.options.least, "difference of a code's shares in the groups (default: 0.5)"},
        {"alpha", 0, "P", VQ_NUMBER, &c.options.alpha, "largest corrected p-value (default: 0.01)"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        VQ_SEQUENCE_OPTIONS(c.in),
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print how many were found"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code == VQ_GO_ON)
        code = compare(&c, model, &inputs);
    for (size_t k = 0; k < c.known_count; k++)
        free(c.known[k].name);
    free(c.known);
    vqdna_contrast_destroy(c.contrast);
    vq_sequences_free(&c.in);
    vq_session_close(&c.session);
    return code;
}

const vq_command vq_cmd_compare = {
    .name = "compare",
    .summary = "which codes, at which positions, tell two groups of aligned records apart",
    .synopsis = "-m MODEL [--known BED] [--svg FILE] [-o OUT] A.fa B.fa",
    .notes = "Example: vqdna compare -m model --known delta-lambda.bed --svg sites.svg -o sites.tsv delta.fa lambda.fa",
    .run = run,
};

/* vqdna embed: vectors of sequences as an array for NumPy. */
#include "cli/cli_npy.h"
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct embedding {
    vq_output out, names;
    uint64_t rows, first; /* given; before the record under way */
    vqdna_predictor *body;
} embedding;

static vqdna_status write_vectors(void *user, const vqdna_vectors *run) {
    embedding *e = user;
    vq_output_write(&e->out, run->vectors, run->count * (size_t)run->width * sizeof *run->vectors);
    e->rows += run->count;
    if (run->last) {
        vq_output_print(&e->names, "%s\t%llu\t%llu\t%llu\t%llu\n", run->contig, (unsigned long long)e->first,
                        (unsigned long long)(e->rows - e->first), (unsigned long long)run->bases, (unsigned long long)run->known);
        e->first = e->rows;
    }
    return e->out.error || e->names.error ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static int take_options(vq_cli *cli, vqdna_embed_options *how, bool *body, const char *pool, const char *from, const char *level) {
    static const char *const pools[] = {"mean", "max", "none"}, *const sources[] = {"codes", "encoder", "body"};
    int of_pool, of_source, code;
    if ((code = vq_choose(&of_pool, cli, "pool", pool, pools, 3)) != VQ_GO_ON ||
        (code = vq_choose(&of_source, cli, "from", from, sources, 3)) != VQ_GO_ON)
        return code;
    *how = (vqdna_embed_options){.size = sizeof *how, .pool = (vqdna_pool)of_pool, .from_encoder = of_source == 1};
    *body = of_source == 2;
    if (*body && (level || how->pool == VQDNA_POOL_NONE))
        return vq_cli_fail(cli, VQ_EXIT_USAGE,
                           "a body has no levels, and its states are pooled: leave --level out, and take --pool mean or max");
    how->all_levels = level && !strcmp(level, "all");
    char *end = "";
    long number = level && !how->all_levels ? strtol(level, &end, 10) : 0;
    if (level && !how->all_levels && (*end || end == level || number < 1 || number > VQDNA_MAX_LEVELS))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--level takes a level, counted from 1, or all, not '%s'", level);
    how->level = (int)number;
    return VQ_GO_ON;
}

static int open_outputs(vq_cli *cli, embedding *e, const char *path, const char *index, const vq_session *session, int width) {
    int code = vq_output_open(&e->out, cli, path, VQ_KIND_VECTORS);
    if (code == VQ_GO_ON && !e->out.seekable)
        code = vq_cli_fail(cli, VQ_EXIT_USAGE, "npy needs a regular file to write to, and %s is none", path);
    if (code == VQ_GO_ON)
        code = vq_output_open(&e->names, cli, index, VQ_KIND_ROWS);
    if (code != VQ_GO_ON)
        return code;
    char header[VQ_NPY_HEADER], *provenance = vq_provenance_text(cli, session);
    vq_npy_header(header, "f4", 0, width);
    vq_output_write(&e->out, header, sizeof header);
    vq_output_print(&e->names, "#vqdna vectors 1 model %s\n", session->model_sha256);
    if (provenance)
        vq_output_print(&e->names, "#provenance %s\n", provenance);
    vq_output_print(&e->names, "#contig\trow\trows\tbases\tknown\n");
    free(provenance);
    return VQ_GO_ON;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *pool = NULL, *from = NULL, *level = NULL, *path = NULL;
    uint64_t batch = 0;
    vq_sequences in = {0};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder"},
        {"output", 'o', "OUT", VQ_TEXT, &path, "the array, OUT.npy; names of its rows go to OUT.npy.tsv"},
        {"pool", 0, "HOW", VQ_TEXT, &pool, "a record's vectors to one: mean or max; none: a row a base (default: mean)"},
        {"from", 0, "SOURCE", VQ_TEXT, &from,
         "vectors of the codes, or of the encoder before it is quantized, or\nhidden states of a body that pretrain or finetune "
         "made (default: codes)"},
        {"level", 0, "N", VQ_TEXT, &level,
         "a level from 1, or all side by side; by default the mean of the\nlevels' codes, or the encoder's last level"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        VQ_SEQUENCE_OPTIONS(in),
        {"batch", 0, "N", VQ_COUNT, &batch, "bases the device takes at once (default: the device's choice)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    vqdna_embed_options how;
    bool of_body;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code == VQ_GO_ON)
        code = take_options(cli, &how, &of_body, pool, from, level);
    if (code != VQ_GO_ON)
        return code;
    if (!model)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    if (batch > INT_MAX)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--batch %llu is too large", (unsigned long long)batch);
    if (!path || !strcmp(path, "-"))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "npy cannot go to standard output: name a file with -o");
    if (vq_ends_in(path, ".gz"))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "NumPy reads no compressed npy: leave .gz off the name %s", path);

    cli->model = model;
    vq_session session = {0};
    embedding e = {.out.fd = -1, .names.fd = -1};
    vqdna_stream_stats stats = {0};
    char *index = vq_join("%s.tsv", path);
    code = vq_sequences_take(&in, cli, &inputs);
    if (code == VQ_GO_ON)
        code = vq_output_check(cli, path, VQ_KIND_VECTORS);
    if (code == VQ_GO_ON)
        code = vq_output_check(cli, index, VQ_KIND_ROWS);
    if (code == VQ_GO_ON)
        code = of_body ? vq_session_open_predictor(&session, cli, model, NULL, &e.body) : vq_session_open(&session, cli, model);
    if (code == VQ_GO_ON && !of_body && how.level > session.info.levels)
        code = vq_cli_fail(cli, VQ_EXIT_USAGE, "--level %d: the model has %d", how.level, session.info.levels);
    const int width =
        e.body ? vqdna_predictor_describe(e.body).width : session.info.dim * (how.all_levels ? session.info.levels : 1);
    if (code == VQ_GO_ON)
        code = open_outputs(cli, &e, path, index, &session, width);
    if (code != VQ_GO_ON)
        goto done;
    vqdna_stream_options stream = {
        .size = sizeof stream, .input = &in.input, .batch = (int)batch, .progress = vq_cli_stream_progress, .user = cli};
    const char *const *paths = (const char *const *)in.paths->items;
    const size_t files = in.paths->count;
    vqdna_status status = e.body ? vqdna_predictor_embed(e.body, paths, files, &stream, &how, write_vectors, &e, &stats)
                                 : vqdna_embed(session.tokenizer, paths, files, &stream, &how, write_vectors, &e, &stats);
    if (e.out.error || e.names.error)
        code = vq_output_failed(e.out.error ? &e.out : &e.names, cli);
    else if (status < 0)
        code = vq_cli_failed(cli, status);
    if (code != VQ_GO_ON)
        goto done;
    char header[VQ_NPY_HEADER], shape[48];
    vq_npy_header(header, "f4", e.rows, width);
    vq_output_patch(&e.out, 0, header, sizeof header);
    snprintf(shape, sizeof shape, "%llu x %d from ", (unsigned long long)e.rows, width);
    code = vq_output_commit(&e.out, &e.names, cli);
    if (code != VQ_GO_ON)
        goto done;
    vq_cli_stream_note(cli, shape, &stats);
    code = VQ_EXIT_OK;
done:
    vq_output_abandon(&e.out);
    vq_output_abandon(&e.names);
    free(index);
    vq_sequences_free(&in);
    vqdna_predictor_destroy(e.body);
    vq_session_close(&session);
    return code;
}

const vq_command vq_cmd_embed = {
    .name = "embed",
    .summary = "vectors of sequences, as an array for NumPy",
    .synopsis = "-m MODEL [--pool mean|max|none] [--from codes|encoder|body] [--level N|all] -o OUT.npy FASTA|-...",
    .notes = "Example: vqdna embed -m model --pool mean -o genes.npy genes.fa.gz; genes.npy.tsv names the rows: record, first row, "
             "rows,\n"
             "bases, and how many of them are A, C, G or T, over which it is pooled. Without any the row is zero.",
    .run = run,
};

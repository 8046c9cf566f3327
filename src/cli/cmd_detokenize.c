/* vqdna detokenize: the bases a model's decoder gives for codes, as FASTA. */
#include "cli/cli_options.h"
#include "cli/cli_session.h"
#include "cli/tokens_read.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 80 };

typedef struct conversion {
    vq_tokens_reader in;
    vq_output out;
    const char *description; /* of the first record, or NULL */
} conversion;

static vqdna_status read_codes(void *user, vqdna_codes *run) {
    conversion *c = user;
    return vq_tokens_read(&c->in, run);
}

static vqdna_status write_bases(void *user, const char *contig, uint64_t start, const char *bases, size_t count, bool last) {
    conversion *c = user;
    if (start == 0) {
        const char *said = *contig ? c->description : NULL; /* behind no name it would read as one */
        vq_output_print(&c->out, said ? ">%s %s\n" : ">%s\n", contig, said);
        c->description = said ? NULL : c->description;
    }
    for (size_t taken = 0; taken < count;) {
        size_t column = (size_t)((start + taken) % LINE), piece = LINE - column;
        if (piece > count - taken)
            piece = count - taken;
        char *to = vq_output_room(&c->out, piece + 1);
        memcpy(to, bases + taken, piece);
        to[piece] = '\n';
        c->out.used += piece + (column + piece == LINE);
        taken += piece;
    }
    if (last && (start + count) % LINE)
        vq_output_write(&c->out, "\n", 1);
    return c->out.error ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *path = NULL;
    uint64_t batch = 0;
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the folder of the model that made the tokens"},
        {"output", 'o', "OUT", VQ_TEXT, &path, "write here instead of standard output"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else; decode tokens of another model"},
        {"batch", 0, "N", VQ_COUNT, &batch, "bases the device takes at once (default: the device's choice)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "no description on the first header line"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 1, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    if (!model)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    if (batch > INT_MAX)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--batch %llu is too large", (unsigned long long)batch);

    for (size_t i = 0; i < inputs.count; i++)
        vq_output_protect(cli, inputs.items[i]);
    cli->model = model;
    code = vq_output_check(cli, path, VQ_KIND_FASTA);
    if (code != VQ_GO_ON)
        return code;
    vq_session session;
    conversion c = {.out.fd = -1};
    vqdna_stream_stats stats = {0};
    char *provenance = NULL;
    code = vq_session_open(&session, cli, model);
    if (code == VQ_GO_ON)
        code = vq_tokens_read_open(&c.in, cli, (const char *const *)inputs.items, inputs.count, &session);
    if (code == VQ_GO_ON)
        code = vq_output_open(&c.out, cli, path, VQ_KIND_FASTA);
    if (code != VQ_GO_ON)
        goto done;
    c.description = provenance = vq_provenance_text(cli, &session);
    bool thinned = c.in.shape.every > 1;
    vqdna_stream_options stream = {.size = sizeof stream,
                                   .batch = (int)batch,
                                   .every = thinned ? c.in.shape.every : 0,
                                   .phase = thinned ? c.in.shape.phase : 0,
                                   .progress = vq_cli_stream_progress,
                                   .user = cli};
    vqdna_status status = vqdna_detokenize(session.tokenizer, &stream, read_codes, write_bases, &c, &stats);
    if (c.out.error)
        code = vq_output_failed(&c.out, cli);
    else if (c.in.code != VQ_GO_ON)
        code = c.in.code;
    else if (status < 0)
        code = vq_cli_failed(cli, status);
    else
        code = vq_output_commit(&c.out, NULL, cli);
    if (code != VQ_GO_ON)
        goto done;
    vq_cli_stream_note(cli, "", &stats);
    code = VQ_EXIT_OK;
done:
    vq_output_abandon(&c.out);
    vq_tokens_read_close(&c.in);
    free(provenance);
    vq_session_close(&session);
    return code;
}

const vq_command vq_cmd_detokenize = {
    .name = "detokenize",
    .summary = "bases back from tokens, as FASTA",
    .synopsis = "-m MODEL [-o OUT] TOKENS|-...",
    .notes = "TOKENS is what tokenize wrote (tsv, npy, ndjson, bin), or its shards in order. The first header line carries the "
             "provenance as its description.",
    .run = run,
};

/* vqdna tokenize: codes of every base of a file. */
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "cli/tokens_write.h"

#include <limits.h>
#include <stdlib.h>

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *format_name = NULL, *path = NULL;
    uint64_t read_bytes = 0, batch = 0;
    vq_sequences in = {0};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder"},
        {"format", 'f', "FORMAT", VQ_TEXT, &format_name,
         "tsv, npy (needs -o; names in OUT.tsv) or ndjson\n(default: what the name OUT says, else tsv)"},
        {"output", 'o', "OUT", VQ_TEXT, &path, "write here instead of standard output"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        VQ_SEQUENCE_OPTIONS(in),
        {"read-bytes", 0, "N", VQ_COUNT, &read_bytes, "bytes of one read from the file; never changes the result"},
        {"batch", 0, "N", VQ_COUNT, &batch, "bases the device takes at once (default: the device's choice)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    vq_tokens_format format;
    code = vq_tokens_format_parse(&format, cli, format_name, path);
    if (code != VQ_GO_ON)
        return code;
    if (!model)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    if (batch > INT_MAX)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--batch %llu is too large", (unsigned long long)batch);

    cli->model = model;
    vq_session session = {0};
    vq_tokens_writer writer;
    vqdna_stream_stats stats = {0};
    char *provenance = NULL;
    code = vq_sequences_take(&in, cli, &inputs);
    if (code == VQ_GO_ON)
        code = vq_tokens_check(cli, format, path);
    if (code == VQ_GO_ON)
        code = vq_session_open(&session, cli, model);
    if (code != VQ_GO_ON)
        goto done;
    provenance = vq_provenance_text(cli, &session);
    code = vq_tokens_open(&writer, cli, format, path, &session, provenance);
    if (code != VQ_GO_ON)
        goto done;
    vqdna_stream_options stream = {
        .size = sizeof stream, .input = &in.input, .read_bytes = (size_t)read_bytes, .batch = (int)batch, .progress = vq_cli_stream_progress, .user = cli};
    vqdna_status status = vqdna_tokenize(session.tokenizer, (const char *const *)in.paths->items, in.paths->count, &stream, vq_tokens_write,
                                         &writer, &stats);
    if (status < 0) {
        code = vq_tokens_abandon(&writer);
        if (code == VQ_GO_ON)
            code = vq_cli_failed(cli, status);
        goto done;
    }
    code = vq_tokens_commit(&writer);
    if (code != VQ_GO_ON)
        goto done;
    char rate[16], left_out[40];
    vq_cli_note(cli, "%llu bases of %llu record%s, %llu of them not A, C, G or T%s; %s bases/s", (unsigned long long)stats.bases,
                (unsigned long long)stats.records, stats.records == 1 ? "" : "s", (unsigned long long)stats.unknown,
                vq_left_out(left_out, stats.left_out),
                vq_short_number(rate, stats.seconds > 0 ? (double)stats.bases / stats.seconds : 0));
    code = VQ_EXIT_OK;
done:
    free(provenance);
    vq_sequences_free(&in);
    vq_session_close(&session);
    return code;
}

const vq_command vq_cmd_tokenize = {
    .name = "tokenize",
    .summary = "codes of every base of sequences",
    .synopsis = "-m MODEL [-f tsv|npy|ndjson] [-o OUT] [options] FASTA|-...",
    .notes = "The input may be plain, gzip or bgzip. tsv has one row a base: contig, start (from 0), one code a level.",
    .run = run,
};

/* vqdna tokenize: codes of every base of a file. */
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "cli/cli_shard.h"
#include "cli/tokens_write.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The blocks of a shard, which takes a look at all of the input. */
static int measure(vq_cli *cli, const vq_sequences *in, const vq_shard *shard, vqdna_stream_options *stream, uint64_t *first,
                   bool *last, bool *nothing) {
    vqdna_stream_stats all;
    uint64_t end;
    vqdna_status status = vqdna_measure((const char *const *)in->paths->items, in->paths->count, stream, &all);
    if (status < 0)
        return vq_cli_failed(cli, status);
    vq_shard_blocks(shard, (all.bases + VQ_TOKENS_BLOCK - 1) / VQ_TOKENS_BLOCK, first, &end);
    *last = shard->number == shard->count;
    *nothing = *first == end;
    stream->first = *first * VQ_TOKENS_BLOCK;
    stream->bases = *last ? 0 : (end - *first) * VQ_TOKENS_BLOCK;
    return VQ_GO_ON;
}

static int check(vq_cli *cli, const vq_sequences *in, const vq_shard *shard, vq_tokens_format format, uint64_t every,
                 uint64_t phase) {
    if (phase && phase >= every)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--phase %llu: with --every S it is from 0 to S - 1", (unsigned long long)phase);
    if (shard->count && (format == VQ_TOKENS_NPY || format == VQ_TOKENS_COUNTS))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "npy and counts have no shards: write bin, and let vqdna merge make them of all");
    for (size_t i = 0; i < in->paths->count && shard->count; i++)
        if (!strcmp(in->paths->items[i], "-"))
            return vq_cli_fail(cli, VQ_EXIT_USAGE,
                               "standard input can be read once, and a shard looks at all of the input first: give a file");
    return VQ_GO_ON;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *format_name = NULL, *path = NULL, *share = NULL;
    uint64_t read_bytes = 0, batch = 0, every = 1, phase = 0;
    vq_sequences in = {0};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder"},
        {"format", 'f', "FORMAT", VQ_TEXT, &format_name,
         "tsv, npy (needs -o; names in OUT.tsv), ndjson, bin, bed or counts\n(default: what the name OUT says, else tsv)"},
        {"output", 'o', "OUT", VQ_TEXT, &path, "write here instead of standard output"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        {"every", 0, "S", VQ_COUNT, &every, "one code in S bases (default: 1, all)"},
        {"phase", 0, "P", VQ_PLACE, &phase, "those at places P, P + S, P + 2 S, ... of a record (default: 0)"},
        {"shard", 0, "I/N", VQ_TEXT, &share, "this share alone; auto asks SLURM, PBS or SGE. merge, or cat, joins them"},
        VQ_SEQUENCE_OPTIONS(in),
        {"read-bytes", 0, "N", VQ_COUNT, &read_bytes, "bytes of one read from the file; never changes the result"},
        {"batch", 0, "N", VQ_COUNT, &batch, "bases the device takes at once (default: the device's choice)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    vq_shard shard;
    vq_tokens_format format;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code == VQ_GO_ON)
        code = vq_tokens_format_parse(&format, cli, format_name, path);
    if (code == VQ_GO_ON)
        code = vq_shard_parse(&shard, cli, share);
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
    uint64_t first = 0;
    bool last = true, nothing = false;
    vqdna_stream_options stream = {.size = sizeof stream,
                                   .input = &in.input,
                                   .read_bytes = (size_t)read_bytes,
                                   .batch = (int)batch,
                                   .progress = vq_cli_stream_progress,
                                   .user = cli};
    code = vq_sequences_take(&in, cli, &inputs);
    if (code == VQ_GO_ON)
        code = check(cli, &in, &shard, format, every, phase);
    if (code == VQ_GO_ON)
        code = vq_tokens_check(cli, format, path);
    if (code == VQ_GO_ON && shard.count)
        code = measure(cli, &in, &shard, &stream, &first, &last, &nothing);
    if (code == VQ_GO_ON)
        code = vq_session_open(&session, cli, model);
    if (code != VQ_GO_ON)
        goto done;
    if (every > 1 && every != (uint64_t)session.info.decoder_stride)
        vq_cli_warn(cli, "the model was trained to rebuild bases from one code in %d (decoder_stride), not in %llu",
                    session.info.decoder_stride, (unsigned long long)every);
    provenance = vq_provenance_text(cli, &session);
    vq_tokens_shape shape = {.levels = session.info.levels, .every = every, .phase = phase};
    memcpy(shape.model, session.model_sha256, sizeof shape.model);
    code = vq_tokens_open(&writer, cli, format, path, &shape, provenance, first);
    if (code != VQ_GO_ON)
        goto done;
    vqdna_status status = nothing ? VQDNA_OK
                                  : vqdna_tokenize(session.tokenizer, (const char *const *)in.paths->items, in.paths->count,
                                                   &stream, vq_tokens_write, &writer, &stats);
    if (status < 0) {
        code = vq_tokens_abandon(&writer);
        if (code == VQ_GO_ON)
            code = vq_cli_failed(cli, status);
        goto done;
    }
    code = vq_tokens_commit(&writer, last);
    if (code != VQ_GO_ON)
        goto done;
    if (shard.count)
        vq_cli_note(cli, "shard %llu of %llu: blocks %llu to %llu", (unsigned long long)shard.number,
                    (unsigned long long)shard.count, (unsigned long long)first, (unsigned long long)writer.block.index);
    else
        vq_cli_stream_note(cli, "", &stats);
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
    .synopsis = "-m MODEL [-f FORMAT] [-o OUT] [--every S] [--shard I/N] [options] FASTA|-...",
    .notes =
        "Example: vqdna tokenize -m model -o genome.npy genome.fa.gz; tsv has one row a base: contig, start (from 0), one code a\n"
        "level; bin has two bytes a code. bed and counts are not read back by detokenize.",
    .run = run,
};

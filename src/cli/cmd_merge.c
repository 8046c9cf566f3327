/* vqdna merge: the shards of a stream of tokens to one file, in any format. */
#include "cli/cli_options.h"
#include "cli/tokens_read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct shard_file {
    char *path;
    uint64_t first;
} shard_file;

static int by_block(const void *a, const void *b) {
    const shard_file *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* In the order of their blocks; shards of a stream with fewer blocks may be empty, and drop out. */
static int put_in_order(vq_cli *cli, vq_list *inputs, vq_list *ordered) {
    shard_file *files = vq_need(NULL, inputs->count * sizeof *files);
    size_t count = 0;
    int code = VQ_GO_ON;
    for (size_t i = 0; i < inputs->count && code == VQ_GO_ON; i++) {
        struct stat found;
        if (inputs->count > 1 && stat(inputs->items[i], &found) == 0 && S_ISREG(found.st_mode) && found.st_size == 0)
            continue;
        files[count] = (shard_file){inputs->items[i], 0};
        if (inputs->count > 1)
            code = vq_tokens_first_block(&files[count].first, cli, inputs->items[i]);
        count++;
    }
    qsort(files, count, sizeof *files, by_block);
    for (size_t i = 0; i < count && code == VQ_GO_ON; i++)
        vq_list_append(ordered, vq_need_text(files[i].path));
    if (code == VQ_GO_ON && !count)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s and all others are empty", inputs->items[0]);
    free(files);
    return code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *format_name = NULL, *path = NULL;
    const vq_option options[] = {
        {"output", 'o', "OUT", VQ_TEXT, &path, "write here instead of standard output"},
        {"format", 'f', "FORMAT", VQ_TEXT, &format_name,
         "tsv, npy (needs -o; names in OUT.tsv), ndjson, bin, bed or counts\n(default: what the name OUT says, else tsv)"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the tokens and how"},
        {0},
    };
    vq_list inputs, ordered = {0};
    int code = vq_options_parse(cli, options, argc, argv, 1, -1, &inputs);
    vq_tokens_format format;
    if (code == VQ_GO_ON)
        code = vq_tokens_format_parse(&format, cli, format_name, path);
    if (code != VQ_GO_ON)
        return code;
    for (size_t i = 0; i < inputs.count; i++)
        vq_output_protect(cli, inputs.items[i]);
    vq_tokens_reader in = {0};
    vq_tokens_writer out;
    bool writing = false;
    uint64_t bases = 0, records = 0;
    code = vq_tokens_check(cli, format, path);
    if (code == VQ_GO_ON)
        code = put_in_order(cli, &inputs, &ordered);
    if (code == VQ_GO_ON)
        code = vq_tokens_read_open(&in, cli, (const char *const *)ordered.items, ordered.count, NULL);
    if (code == VQ_GO_ON) {
        code = vq_tokens_open(&out, cli, format, path, &in.shape, cli->no_provenance ? NULL : in.provenance, 0);
        writing = code == VQ_GO_ON;
    }
    vqdna_status status = VQDNA_OK;
    while (code == VQ_GO_ON && status == VQDNA_OK) {
        vqdna_codes part = {0};
        status = vq_tokens_read(&in, &part);
        if (status < 0)
            code = in.code;
        if (status == VQDNA_OK && code == VQ_GO_ON && (status = vq_tokens_write(&out, &part)) < 0) {
            code = vq_tokens_abandon(&out);
            writing = false;
        }
        bases += part.count;
        records += part.last;
    }
    if (code == VQ_GO_ON) {
        code = vq_tokens_commit(&out, true);
        writing = false;
    }
    if (writing)
        vq_tokens_abandon(&out);
    if (code == VQ_GO_ON) {
        vq_cli_note(cli, "%llu bases of %llu record%s in %llu block%s", (unsigned long long)bases, (unsigned long long)records,
                    records == 1 ? "" : "s", (unsigned long long)in.block.index, in.block.index == 1 ? "" : "s");
        code = VQ_EXIT_OK;
    }
    vq_tokens_read_close(&in);
    vq_list_free(&ordered);
    return code;
}

const vq_command vq_cmd_merge = {
    .name = "merge",
    .summary = "shards of tokens to one file, or tokens to another format",
    .synopsis = "[-f FORMAT] [-o OUT] TOKENS|-...",
    .notes = "Example: vqdna merge -o genome.npy shard*.bin; shards are put in order, and a missing or a double one is refused. "
             "cat joins\n"
             "shards of one format as well, in their order.",
    .run = run,
};

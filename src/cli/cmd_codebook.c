/* vqdna codebook: what the codes of a model are on some sequences, beside those of an untrained one. */
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the control: as many tell what is untrained from what is learned, and the rest would take as long again. */
enum { CONTROL_BASES = 2000000 };

typedef struct control {
    vqdna_codebook *codebook;
    uint64_t bases;
} control;

static vqdna_status add_to_control(void *user, const vqdna_codes *run) {
    control *c = user;
    if (c->bases >= CONTROL_BASES)
        return VQDNA_END;
    c->bases += run->count;
    return vqdna_codebook_add(c->codebook, run);
}

static int count_files(vq_cli *cli, vqdna_tokenizer *tokenizer, const vq_sequences *in, vqdna_codes_sink sink, void *user) {
    vqdna_stream_options options = {.size = sizeof options, .input = &in->input, .progress = vq_cli_stream_progress, .user = cli};
    vqdna_status status = vqdna_tokenize(tokenizer, (const char *const *)in->paths->items, in->paths->count, &options, sink, user, NULL);
    vq_cli_progress_clear(cli);
    return status < 0 ? vq_cli_failed(cli, status) : VQ_GO_ON;
}

/* The untrained tokenizer's codes, found in the same files and counted on the beginning of them. */
static int count_control(vq_cli *cli, vqdna_tokenizer *like, const vq_sequences *in, control *c) {
    vqdna_dataset *dataset = NULL;
    vqdna_tokenizer *untrained = NULL;
    int code = VQ_GO_ON;
    vqdna_status status = vqdna_dataset_create(&dataset);
    if (status == VQDNA_OK)
        status = vqdna_dataset_add_files(dataset, (const char *const *)in->paths->items, in->paths->count, &in->input);
    if (status == VQDNA_OK)
        status = vqdna_tokenizer_untrained(&untrained, like, dataset, cli->seed);
    if (status == VQDNA_OK)
        status = vqdna_codebook_create(&c->codebook, untrained);
    if (status < 0)
        code = vq_cli_failed(cli, status);
    if (code == VQ_GO_ON)
        code = count_files(cli, untrained, in, add_to_control, c);
    vqdna_tokenizer_destroy(untrained);
    vqdna_dataset_destroy(dataset);
    return code;
}

/* ---- A code's motif ---------------------------------------------------------------------------------------------------------- */

/* Bits that the bases at an offset hold, less the bias of few counts (Schneider, Stormo, Gold and Ehrenfeucht 1986). */
static double offset_bits(const uint64_t n[4]) {
    double total = 0, sum = 0;
    for (int b = 0; b < 4; b++)
        total += (double)n[b];
    for (int b = 0; b < 4; b++)
        sum += n[b] ? (double)n[b] * log2(total / (double)n[b]) : 0;
    return total > 0 ? fmax(0, 2 - sum / total - 3 / (2 * M_LN2 * total)) : 0;
}

/* The base of each offset that a code pins down, a point elsewhere, points at the ends left out; *first is its first offset. Returns
 * the bits of all. `text` has room for the offsets. */
static double consensus(char *text, int *first, const uint64_t *motif, int reach) {
    double bits = 0;
    int last = -1, offsets = 2 * reach + 1;
    *first = 0;
    for (int o = 0; o < offsets; o++) {
        const uint64_t *n = motif + 4 * o;
        double here = offset_bits(n);
        int most = 0;
        for (int b = 1; b < 4; b++)
            most = n[b] > n[most] ? b : most;
        bits += here;
        if (here >= 1.5 && last < 0)
            *first = o;
        text[o] = here >= 1.5 ? "ACGT"[most] : '.';
        last = here >= 1.5 ? o : last;
    }
    memmove(text, text + *first, (size_t)(last < 0 ? 0 : last + 1 - *first));
    text[last < 0 ? 0 : last + 1 - *first] = '\0';
    *first -= reach;
    return bits;
}

static double gc_share(const uint64_t *motif, int reach) {
    const uint64_t *n = motif + 4 * reach; /* of its own base */
    double all = (double)(n[0] + n[1] + n[2] + n[3]);
    return all > 0 ? (double)(n[1] + n[2]) / all : NAN;
}

/* ---- What is printed --------------------------------------------------------------------------------------------------------- */

static void print_list(const vqdna_codebook *codebook, const vqdna_codebook_report *r) {
    char *text = vq_need(NULL, (size_t)(2 * r->reach + 2));
    printf("#level\tcode\tcount\tshare\tbits\tgc\tat\tconsensus\n");
    for (int n = 0; n < r->levels; n++)
        for (int k = 0; k < r->level[n].codes; k++) {
            const uint64_t *motif = vqdna_codebook_motif(codebook, n, k);
            uint64_t count = r->level[n].counts[k];
            int first = 0;
            double bits = count ? consensus(text, &first, motif, r->reach) : 0;
            if (!count) {
                printf("%d\t%d\t0\t0\t.\t.\t.\t.\n", n + 1, k);
                continue;
            }
            printf("%d\t%d\t%llu\t%.6g\t%.2f\t%.3f\t%d\t%s\n", n + 1, k, (unsigned long long)count, (double)count / (double)r->bases,
                   bits, gc_share(motif, r->reach), first, *text ? text : ".");
        }
    free(text);
}

static void print_text(const vqdna_codebook_report *r, const vqdna_codebook_report *u) {
    char number[16];
    printf("%s bases, %llu of them not A, C, G or T\n\n", vq_short_number(number, (double)(r->bases + r->unknown)),
           (unsigned long long)r->unknown);
    for (int n = 0; n < r->levels; n++) {
        const vqdna_codebook_level *l = &r->level[n];
        printf("level %d  %d of %d codes used, %d never; perplexity %.1f (%.3f of the codes), %.2f bits a base\n", n + 1, l->used,
               l->codes, l->codes - l->used, l->perplexity, l->perplexity / l->codes, l->entropy);
        if (isfinite(l->of_first))
            printf("         %.2f of these bits are what level 1 says too\n", l->of_first);
    }
    printf("\nBits that a code tells of the base at an offset from its own (2: all there is to know)\noffset");
    for (int n = 0; n < r->levels; n++)
        printf("  level %d", n + 1);
    printf("%s", r->joint ? "  jointly" : "");
    for (int n = 0; u && n < u->levels; n++)
        printf("  untrained %d", n + 1);
    printf("%s\n", u && u->joint ? "  jointly" : "");
    int skipped = 0;
    for (int o = 0; o < 2 * r->reach + 1; o++) {
        double most = 0;
        for (int n = 0; n < r->levels; n++)
            most = fmax(most, fmax(r->level[n].information[o], u ? u->level[n].information[o] : 0));
        if (most < 0.01) {
            skipped++;
            continue;
        }
        printf("%+6d", o - r->reach);
        for (int n = 0; n < r->levels; n++)
            printf("  %7.2f", r->level[n].information[o]);
        if (r->joint)
            printf("  %7.2f", r->joint[o]);
        for (int n = 0; u && n < u->levels; n++)
            printf("  %11.2f", u->level[n].information[o]);
        if (u && u->joint)
            printf("  %7.2f", u->joint[o]);
        printf("\n");
    }
    double bias = 0;
    for (int n = 0; n < r->levels; n++)
        for (int o = 0; o < 2 * r->reach + 1; o++)
            bias = fmax(bias, r->level[n].bias[o]);
    printf("Less than 0.01 at %d other offsets. Corrected for the bias of few counts, at most %.2g bits of a level", skipped, bias);
    bias = 0;
    for (int o = 0; r->joint && o < 2 * r->reach + 1; o++)
        bias = fmax(bias, r->joint_bias[o]);
    if (r->joint)
        printf(" and %.2g jointly", bias);
    printf(".\n");
    if (u)
        printf("Untrained: the same network with random weights and codes by k-means, on the first %s bases.\n",
               vq_short_number(number, (double)(u->bases + u->unknown)));
}

static json_t *numbers(const double *values, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, cli_json_number(values[i]));
    return array;
}

/* With `codebook` each code's counts too. */
static json_t *describe(const vqdna_codebook_report *r, const vqdna_codebook *codebook) {
    json_t *object = json_object(), *levels = json_array();
    int offsets = 2 * r->reach + 1;
    char *text = vq_need(NULL, (size_t)offsets + 1);
    json_object_set_new(object, "bases", json_integer((json_int_t)(r->bases + r->unknown)));
    json_object_set_new(object, "unknown", json_integer((json_int_t)r->unknown));
    json_object_set_new(object, "first_offset", json_integer(-r->reach));
    for (int n = 0; n < r->levels; n++) {
        const vqdna_codebook_level *l = &r->level[n];
        json_t *level = json_pack("{sisisisososo}", "codes", l->codes, "used", l->used, "dead", l->codes - l->used, "perplexity",
                                  cli_json_number(l->perplexity), "bits_a_base", cli_json_number(l->entropy), "bits_shared_with_level_1",
                                  cli_json_number(l->of_first));
        json_object_set_new(level, "information", numbers(l->information, offsets));
        json_object_set_new(level, "bias", numbers(l->bias, offsets));
        json_t *list = codebook ? json_array() : NULL;
        for (int k = 0; codebook && k < l->codes; k++) {
            const uint64_t *motif = vqdna_codebook_motif(codebook, n, k);
            int first = 0;
            double bits = consensus(text, &first, motif, r->reach);
            json_t *rows = json_array();
            for (int o = 0; l->counts[k] && o < offsets; o++)
                json_array_append_new(rows, json_pack("[IIII]", (json_int_t)motif[4 * o], (json_int_t)motif[4 * o + 1],
                                                      (json_int_t)motif[4 * o + 2], (json_int_t)motif[4 * o + 3]));
            json_array_append_new(list, json_pack("{sIsososissso}", "count", (json_int_t)l->counts[k], "bits", cli_json_number(bits),
                                                  "gc", cli_json_number(gc_share(motif, r->reach)), "at", first, "consensus", text,
                                                  "motif", rows));
        }
        if (list)
            json_object_set_new(level, "list", list);
        json_array_append_new(levels, level);
    }
    json_object_set_new(object, "levels", levels);
    json_object_set_new(object, "joint_information", r->joint ? numbers(r->joint, offsets) : json_null());
    json_object_set_new(object, "joint_bias", r->joint ? numbers(r->joint_bias, offsets) : json_null());
    free(text);
    return object;
}

static void print_json(vq_cli *cli, const vq_session *session, const vqdna_codebook_report *r, const vqdna_codebook *codebook,
                       const vqdna_codebook_report *u) {
    json_t *object = describe(r, codebook), *provenance = vq_provenance(cli, session);
    json_object_set_new(object, "untrained", u ? describe(u, NULL) : json_null());
    if (provenance)
        json_object_set_new(object, "provenance", provenance);
    char *text = vq_json_print(object, false);
    puts(text);
    free(text);
    json_decref(object);
}

/* ---- For Hugging Face's tokenizers ------------------------------------------------------------------------------------------- */

/* Words "LEVEL:CODE" separated by blanks, numbered level by level behind the special tokens of BERT. */
static int write_tokenizer(vq_cli *cli, const char *path, const vqdna_model_info *info) {
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    json_t *added = json_array(), *vocabulary = json_object();
    int next = 0;
    for (; next < 5; next++) {
        json_object_set_new(vocabulary, special[next], json_integer(next));
        json_array_append_new(added, json_pack("{sisssbsbsbsbsb}", "id", next, "content", special[next], "single_word", 0, "lstrip", 0,
                                               "rstrip", 0, "normalized", 0, "special", 1));
    }
    for (int n = 0; n < info->levels; n++)
        for (int k = 0; k < info->codes[n]; k++) {
            char name[32];
            snprintf(name, sizeof name, "%d:%d", n + 1, k);
            json_object_set_new(vocabulary, name, json_integer(next++));
        }
    json_t *object = json_pack("{sssnsnsosns{ss}snsns{sssoss}}", "version", "1.0", "truncation", "padding", "added_tokens", added,
                               "normalizer", "pre_tokenizer", "type", "WhitespaceSplit", "post_processor", "decoder", "model", "type",
                               "WordLevel", "vocab", vocabulary, "unk_token", "[UNK]");
    char *text = vq_json_print(object, true);
    int code = vq_output_file(cli, path, VQ_KIND_TOKENIZER, text);
    free(text);
    json_decref(object);
    return code;
}

/* ---- The command ------------------------------------------------------------------------------------------------------------- */

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *tokenizer = NULL;
    bool list = false, no_control = false;
    vq_sequences in = {0};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder"},
        {"list", 0, NULL, VQ_FLAG, &list, "print the vocabulary, a row a code"},
        {"no-control", 0, NULL, VQ_FLAG, &no_control, "leave out the untrained tokenizer"},
        {"tokenizer-json", 0, "FILE", VQ_TEXT, &tokenizer, "write the vocabulary for Hugging Face's tokenizers; needs no FASTA"},
        VQ_SEQUENCE_OPTIONS(in),
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print JSON, with the counts of bases around each code"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out of the JSON who made it and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    if (!model)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    cli->model = model;
    if (tokenizer) {
        vqdna_model_info info;
        vqdna_status read = vqdna_model_describe(model, &info, NULL, NULL);
        code = read < 0 ? vq_cli_failed(cli, read) : write_tokenizer(cli, tokenizer, &info);
        if (code != VQ_GO_ON || !(inputs.count || in.list))
            return code == VQ_GO_ON ? VQ_EXIT_OK : code;
    }
    code = vq_sequences_take(&in, cli, &inputs);
    if (code != VQ_GO_ON)
        return code;
    bool controlled = !no_control && !list;
    for (size_t i = 0; i < in.paths->count && controlled; i++)
        if (!strcmp(in.paths->items[i], "-"))
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "standard input can be read once, and the control reads it again: give a file, or "
                                                   "--no-control");
    cli->seed = cli->seed ? cli->seed : 1;
    vq_session session;
    vqdna_codebook *codebook = NULL;
    control untrained = {0};
    vqdna_codebook_report r, u;
    code = vq_session_open(&session, cli, model);
    vqdna_status status = code == VQ_GO_ON ? vqdna_codebook_create(&codebook, session.tokenizer) : VQDNA_OK;
    if (status < 0)
        code = vq_cli_failed(cli, status);
    if (code == VQ_GO_ON)
        code = count_files(cli, session.tokenizer, &in, vqdna_codebook_add, codebook);
    if (code == VQ_GO_ON && (status = vqdna_codebook_read(codebook, &r)) < 0)
        code = vq_cli_failed(cli, status);
    if (code == VQ_GO_ON && controlled)
        code = count_control(cli, session.tokenizer, &in, &untrained);
    if (code == VQ_GO_ON && controlled && vqdna_codebook_read(untrained.codebook, &u) < 0)
        controlled = false; /* its first bases are all unknown */
    if (code == VQ_GO_ON) {
        if (cli->json)
            print_json(cli, &session, &r, codebook, controlled ? &u : NULL);
        else if (list)
            print_list(codebook, &r);
        else
            print_text(&r, controlled ? &u : NULL);
        code = VQ_EXIT_OK;
    }
    vqdna_codebook_destroy(untrained.codebook);
    vqdna_codebook_destroy(codebook);
    vq_session_close(&session);
    vq_sequences_free(&in);
    return code;
}

const vq_command vq_cmd_codebook = {
    .name = "codebook",
    .summary = "what the codes of a model are: use, and the bases each tells of",
    .synopsis = "-m MODEL [--list] [--no-control] [--json] [--tokenizer-json FILE] [FASTA...]",
    .notes = "Example: vqdna codebook -m model genome.fa.gz; --list has for each code its count, share, bits, GC of its base, and the\n"
             "consensus of the bases around it, from the offset `at`.",
    .run = run,
};

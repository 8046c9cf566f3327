/* vqdna codebook: what the codes of a model are on some sequences, beside those of an untrained one. */
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "cli/codebook_pictures.h"
#include "cli/codebook_print.h"
#include "cli/codebook_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    vqdna_status status =
        vqdna_tokenize(tokenizer, (const char *const *)in->paths->items, in->paths->count, &options, sink, user, NULL);
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

/* ---- For Hugging Face's tokenizers ------------------------------------------------------------------------------------------- */

/* Words "LEVEL:CODE" separated by blanks, numbered level by level behind the special tokens of BERT. */
static int write_tokenizer(vq_cli *cli, const char *path, const vqdna_model_info *info) {
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    json_t *added = json_array(), *vocabulary = json_object();
    int next = 0;
    for (; next < 5; next++) {
        json_object_set_new(vocabulary, special[next], json_integer(next));
        json_array_append_new(added, json_pack("{sisssbsbsbsbsb}", "id", next, "content", special[next], "single_word", 0, "lstrip",
                                               0, "rstrip", 0, "normalized", 0, "special", 1));
    }
    for (int n = 0; n < info->levels; n++)
        for (int k = 0; k < info->codes[n]; k++) {
            char name[32];
            snprintf(name, sizeof name, "%d:%d", n + 1, k);
            json_object_set_new(vocabulary, name, json_integer(next++));
        }
    json_t *object = json_pack("{sssnsnsosns{ss}snsns{sssoss}}", "version", "1.0", "truncation", "padding", "added_tokens", added,
                               "normalizer", "pre_tokenizer", "type", "WhitespaceSplit", "post_processor", "decoder", "model",
                               "type", "WordLevel", "vocab", vocabulary, "unk_token", "[UNK]");
    char *text = vq_json_print(object, true);
    int code = vq_output_file(cli, path, VQ_KIND_TOKENIZER, text);
    free(text);
    json_decref(object);
    return code;
}

/* ---- The survey and the annotation ------------------------------------------------------------------------------------------- */

static int survey_files(vq_cli *cli, vqdna_tokenizer *tokenizer, vqdna_codebook *codebook, const vq_sequences *in,
                        const char *annotation, vqdna_survey *survey, vq_codebook_result *result) {
    const char *const *paths = (const char *const *)in->paths->items;
    const char **words = vq_need(NULL, vq_known_word_count * sizeof *words);
    for (size_t i = 0; i < vq_known_word_count; i++)
        words[i] = vq_known_words[i].word;
    vqdna_stream_options options = {.size = sizeof options, .input = &in->input, .progress = vq_cli_stream_progress, .user = cli};
    vqdna_survey_options how = {.size = sizeof how, .seed = cli->seed, .words = words, .word_count = vq_known_word_count};
    vqdna_status status = vqdna_codebook_survey(codebook, tokenizer, paths, in->paths->count, &options, &how, survey);
    vq_cli_progress_clear(cli);
    free(words);
    if (status == VQDNA_ERR_INPUT && !annotation) { /* too short: all else can be said */
        vq_cli_note(cli, "%s", vqdna_last_error());
        return VQ_GO_ON;
    }
    if (status == VQDNA_OK)
        result->survey = survey;
    if (status == VQDNA_OK && annotation) {
        status = vqdna_codebook_annotate(codebook, tokenizer, paths, in->paths->count, &options, annotation, &result->findings,
                                         &result->found);
        result->annotated = true;
    }
    return status < 0 ? vq_cli_failed(cli, status) : VQ_GO_ON;
}

/* DIR/information.svg and DIR/levelN.svg. */
static int draw(vq_cli *cli, const char *folder, const vq_codebook_result *result) {
    enum { LOGOS = 64 };
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot make the folder %s: %s", folder, strerror(errno));
    json_t *object = vq_codebook_json(result);
    int code = VQ_GO_ON;
    for (int n = 0; n <= result->report.levels && code == VQ_GO_ON; n++) {
        char *svg = n ? vq_logos_svg(object, (size_t)n - 1, LOGOS) : vq_information_svg(object);
        char *path = n ? vq_join("%s/level%d.svg", folder, n) : vq_join("%s/information.svg", folder);
        if (svg)
            code = vq_output_file(cli, path, VQ_KIND_SVG, svg);
        free(svg);
        free(path);
    }
    json_decref(object);
    return code;
}

/* ---- The command ------------------------------------------------------------------------------------------------------------- */

static int codebook_of(vq_cli *cli, int argc, char **argv, vq_sequences *in) {
    const char *model = NULL, *tokenizer = NULL, *annotation = NULL, *pictures = NULL;
    bool list = false, no_control = false, no_survey = false;
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder"},
        {"list", 0, NULL, VQ_FLAG, &list, "print the vocabulary, a row a code"},
        {"no-control", 0, NULL, VQ_FLAG, &no_control, "leave out the untrained tokenizer"},
        {"no-survey", 0, NULL, VQ_FLAG, &no_survey, "leave out what is compared with the shuffled genome"},
        {"annotation", 0, "FILE", VQ_TEXT, &annotation, "features (GFF3, GTF, BED) to find codes at and in"},
        {"svg", 0, "DIR", VQ_TEXT, &pictures, "draw the information table and the codes' logos into this folder"},
        {"tokenizer-json", 0, "FILE", VQ_TEXT, &tokenizer, "write the vocabulary for Hugging Face's tokenizers; needs no FASTA"},
        VQ_SEQUENCE_OPTIONS(*in),
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
        if (code != VQ_GO_ON || !(inputs.count || in->list))
            return code == VQ_GO_ON ? VQ_EXIT_OK : code;
    }
    code = vq_sequences_take(in, cli, &inputs);
    if (code != VQ_GO_ON)
        return code;
    bool controlled = !no_control && !list;
    if (no_survey && annotation)
        return vq_cli_fail(cli, VQ_EXIT_USAGE,
                           "--annotation needs the survey, which tells what is expected: leave out --no-survey");
    for (size_t i = 0; i < in->paths->count && (controlled || !no_survey); i++)
        if (!strcmp(in->paths->items[i], "-"))
            return vq_cli_fail(cli, VQ_EXIT_USAGE,
                               "standard input can be read once, and the control and the survey read it again: give a file, "
                               "or --no-control --no-survey");
    if (annotation)
        vq_output_protect(cli, annotation);
    cli->seed = cli->seed ? cli->seed : 1;
    vq_session session;
    vqdna_codebook *codebook = NULL;
    control untrained = {0};
    vq_codebook_result result = {0};
    vqdna_codebook_report u;
    vqdna_survey survey;
    code = vq_session_open(&session, cli, model);
    vqdna_status status = code == VQ_GO_ON ? vqdna_codebook_create(&codebook, session.tokenizer) : VQDNA_OK;
    if (status < 0)
        code = vq_cli_failed(cli, status);
    if (code == VQ_GO_ON)
        code = count_files(cli, session.tokenizer, in, vqdna_codebook_add, codebook);
    if (code == VQ_GO_ON && (status = vqdna_codebook_read(codebook, &result.report)) < 0)
        code = vq_cli_failed(cli, status);
    if (code == VQ_GO_ON && controlled)
        code = count_control(cli, session.tokenizer, in, &untrained);
    if (code == VQ_GO_ON && controlled && vqdna_codebook_read(untrained.codebook, &u) < 0)
        controlled = false; /* its first bases are all unknown */
    if (code == VQ_GO_ON && !no_survey)
        code = survey_files(cli, session.tokenizer, codebook, in, annotation, &survey, &result);
    if (code == VQ_GO_ON) {
        result.codebook = codebook;
        result.untrained = controlled ? &u : NULL;
        if (pictures)
            code = draw(cli, pictures, &result);
    }
    if (code == VQ_GO_ON) {
        if (cli->json)
            vq_codebook_print_json(cli, &session, &result);
        else if (list)
            vq_codebook_print_list(&result);
        else
            vq_codebook_print_text(&result);
        code = VQ_EXIT_OK;
    }
    vqdna_codebook_destroy(untrained.codebook);
    vqdna_codebook_destroy(codebook);
    vq_session_close(&session);
    return code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    vq_sequences in = {0};
    int code = codebook_of(cli, argc, argv, &in);
    vq_sequences_free(&in);
    return code;
}

const vq_command vq_cmd_codebook = {
    .name = "codebook",
    .summary = "what the codes of a model are: use, and the bases each tells of",
    .synopsis = "-m MODEL [--list] [--annotation GFF] [--json] [--no-control] [--no-survey] [options] FASTA...",
    .notes = "Example: vqdna codebook -m model genome.fa.gz; --list has for each code its count, share, bits, GC of its base, the\n"
             "consensus of the bases around it, from the offset `at`, its enrichment over the shuffled genome, and its partner.",
    .run = run,
};

/* vqdna info: what a model's folder holds; needs no device. */
#include "cli/cli_options.h"
#include "cli/cli_session.h"
#include "cli/cli_sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void collect_tensor(void *user, const char *name, const char *dtype, int rank, const uint64_t *shape, uint64_t bytes) {
    json_t *sizes = json_array();
    for (int d = 0; d < rank; d++)
        json_array_append_new(sizes, json_integer((json_int_t)shape[d]));
    json_array_append_new(
        user, json_pack("{sosssosI}", "name", cli_json_text(name), "dtype", dtype, "shape", sizes, "bytes", (json_int_t)bytes));
}

static json_t *describe(const vqdna_model_info *info) {
    json_t *object = json_object(), *levels = json_array();
    json_object_set_new(object, "preset", cli_json_text(info->preset));
    json_object_set_new(object, "quantizer", cli_json_text(info->quantizer));
    json_object_set_new(object, "dim", json_integer(info->dim));
    json_object_set_new(object, "stem", json_integer(info->stem));
    json_object_set_new(object, "blocks", json_integer(info->blocks));
    for (int n = 0; n < info->levels; n++)
        json_array_append_new(levels, json_pack("{sisi}", "codes", info->codes[n], "tap", info->taps[n]));
    json_object_set_new(object, "levels", levels);
    json_object_set_new(object, "decoder_stride", json_integer(info->decoder_stride));
    json_object_set_new(object, "receptive_field", json_integer(info->receptive_field));
    json_object_set_new(object, "parameters", json_integer((json_int_t)info->parameters));
    json_object_set_new(object, "step", json_integer((json_int_t)info->step));
    return object;
}

static void print_text(const vqdna_model_info *info, const char *digest) {
    char number[16];
    printf("preset           %s\nquantizer        %s\n", info->preset, info->quantizer);
    for (int n = 0; n < info->levels; n++)
        printf("level %d          %d codes on block %d\n", n + 1, info->codes[n], info->taps[n]);
    printf("dimension        %d (stem %d, %d blocks)\n", info->dim, info->stem, info->blocks);
    if (info->decoder_stride > 1)
        printf("decoder          sees one code in %d\n", info->decoder_stride);
    printf("receptive field  %d bases\n", info->receptive_field);
    printf("parameters       %s\n", vq_short_number(number, (double)info->parameters));
    printf("trained          %llu steps\n", (unsigned long long)info->step);
    printf("sha256           %s\n\n", digest);
}

static void print_tensors(const json_t *tensors) {
    printf("%-48s %-6s %-18s %s\n", "tensor", "type", "shape", "bytes");
    size_t i;
    json_t *tensor;
    json_array_foreach(tensors, i, tensor) {
        char *shape = vq_json_print(json_object_get(tensor, "shape"), false);
        printf("%-48s %-6s %-18s %lld\n", json_string_value(json_object_get(tensor, "name")),
               json_string_value(json_object_get(tensor, "dtype")), shape,
               (long long)json_integer_value(json_object_get(tensor, "bytes")));
        free(shape);
    }
}

/* A model that reads tokens. */
static json_t *describe_predictor(const vqdna_predictor_info *i) {
    json_t *object =
        json_pack("{ss,ss,ss,si,si,ss,si,si}", "model", i->kind, "preset", i->preset, "vocabulary", i->vocabulary, "width",
                  i->width, "layers", i->layers, "mixer", i->mixer, "heads", i->heads, "positions", i->positions);
    json_t *labels = json_array();
    for (int k = 0; k < i->classes; k++)
        json_array_append_new(labels, cli_json_text(i->labels[k]));
    json_object_set_new(object, "labels", labels);
    if (i->reference_pairs)
        json_object_set_new(object, "reference_pairs", json_integer(i->reference_pairs));
    json_object_set_new(object, "parameters", json_integer((json_int_t)i->parameters));
    json_object_set_new(object, "step", json_integer((json_int_t)i->step));
    return object;
}

static void print_predictor(const vqdna_predictor_info *i, const char *digest) {
    char number[16];
    printf("kind             %s\npreset           %s\nvocabulary       %s\n", i->kind, i->preset, i->vocabulary);
    printf("body             %d layers of %d channels, %d heads, up to %d bases\n", i->layers, i->width, i->heads, i->positions);
    printf("mixer            %s\n", i->mixer);
    if (i->reference_pairs)
        printf("reference        %d pairs of codes that are not read\n", i->reference_pairs);
    for (int k = 0; k < i->classes; k++)
        printf("%s%s%s", k ? ", " : "labels           ", i->labels[k], k + 1 < i->classes ? "" : "\n");
    printf("parameters       %s\n", vq_short_number(number, (double)i->parameters));
    printf("trained          %llu steps\n", (unsigned long long)i->step);
    printf("sha256           %s\n\n", digest);
}

static int run(vq_cli *cli, int argc, char **argv) {
    const vq_option options[] = {{"json", 0, NULL, VQ_FLAG, &cli->json, "print JSON"}, {0}};
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 1, 1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    const char *path = inputs.items[0];
    char kind[24], digest[65], *weights = vq_join("%s/model.safetensors", path);
    vqdna_model_info info;
    vqdna_predictor *predictor = NULL;
    json_t *tensors = json_array();
    vqdna_status status = vqdna_model_kind(path, kind);
    const bool reads = status >= 0 && kind[0] && strcmp(kind, "vqdna-tokenizer") != 0;
    if (reads)
        status = vqdna_predictor_open(&predictor, NULL, path);
    if (reads && status >= 0)
        status = vqdna_model_tensors(path, collect_tensor, tensors);
    else if (status >= 0)
        status = vqdna_model_describe(path, &info, collect_tensor, tensors);
    code = status < 0 ? vq_cli_failed(cli, status) : vq_sha256_file(cli, weights, digest);
    if (code == VQ_GO_ON && cli->json) {
        const vqdna_predictor_info of = reads ? vqdna_predictor_describe(predictor) : (vqdna_predictor_info){.classes = 0};
        json_t *object = reads ? describe_predictor(&of) : describe(&info);
        json_object_set_new(object, "sha256", json_string(digest));
        json_object_set(object, "tensors", tensors);
        char *text = vq_json_print(object, true);
        puts(text);
        free(text);
        json_decref(object);
    } else if (code == VQ_GO_ON) {
        const vqdna_predictor_info of = reads ? vqdna_predictor_describe(predictor) : (vqdna_predictor_info){.classes = 0};
        if (reads)
            print_predictor(&of, digest);
        else
            print_text(&info, digest);
        print_tensors(tensors);
    }
    vqdna_predictor_destroy(predictor);
    free(weights);
    json_decref(tensors);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

const vq_command vq_cmd_info = {
    .name = "info",
    .summary = "what a model is: sizes, codes, tensors; needs no device",
    .synopsis = "[--json] MODEL",
    .run = run,
};

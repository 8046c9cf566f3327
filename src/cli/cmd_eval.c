/* vqdna eval: how well a model rebuilds sequences, and how it uses its codes on them. */
#include "cli/cli_metrics.h"
#include "cli/cli_sequences.h"

#include <limits.h>
#include <stdlib.h>

json_t *vq_metrics_json(const vqdna_metrics *m, const char *const *paths, size_t count) {
    json_t *object = json_object(), *files = json_array(), *levels = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(files, cli_json_text(paths[i]));
    json_object_set_new(object, "files", files);
    json_object_set_new(object, "reconstruction_accuracy", cli_json_number(m->reconstruction_accuracy));
    json_object_set_new(object, "cross_entropy", cli_json_number(m->cross_entropy));
    json_object_set_new(object, "correct", json_integer((json_int_t)m->correct));
    json_object_set_new(object, "bases", json_integer((json_int_t)m->bases));
    json_object_set_new(object, "skipped", json_integer((json_int_t)m->skipped));
    json_object_set_new(object, "left_out", json_integer((json_int_t)m->left_out));
    for (int n = 0; n < m->levels; n++)
        json_array_append_new(levels, json_pack("{sisiso}", "codes", m->level[n].codes, "used", m->level[n].used, "perplexity",
                                                cli_json_number(m->level[n].perplexity)));
    json_object_set_new(object, "levels", levels);
    json_object_set_new(object, "seconds", cli_json_number(m->seconds));
    json_object_set_new(object, "bases_per_second", cli_json_number(m->bases_per_second));
    return object;
}

void vq_metrics_print(const vqdna_metrics *m, FILE *to) {
    fprintf(to, "reconstruction accuracy  %.4f %% (%llu of %llu bases)\n", 100 * m->reconstruction_accuracy,
            (unsigned long long)m->correct, (unsigned long long)(m->bases - m->skipped));
    fprintf(to, "cross-entropy            %.4f nats a base\n", m->cross_entropy);
    for (int n = 0; n < m->levels; n++)
        fprintf(to, "level %d                  %d of %d codes used (%.2f %%), perplexity %.1f (%.3f of the codes)\n", n + 1,
                m->level[n].used, m->level[n].codes, 100.0 * m->level[n].used / m->level[n].codes, m->level[n].perplexity,
                m->level[n].perplexity / m->level[n].codes);
    char rate[16], left_out[40];
    fprintf(to, "bases                    %llu, of them %llu skipped (not A, C, G or T)%s; %s bases/s\n",
            (unsigned long long)m->bases, (unsigned long long)m->skipped, vq_left_out(left_out, m->left_out),
            vq_short_number(rate, m->bases_per_second));
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL;
    uint64_t batch = 0, every = 0, phase = 0;
    vq_sequences in = {0};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder"},
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print JSON"},
        {"every", 0, "S", VQ_COUNT, &every, "let the decoder see one code in S (default: as it was trained)"},
        {"phase", 0, "P", VQ_PLACE, &phase, "that at places P, P + S, P + 2 S, ... of a record (default: 0)"},
        VQ_SEQUENCE_OPTIONS(in),
        {"batch", 0, "N", VQ_COUNT, &batch, "bases the device takes at once (default: the device's choice)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out of the JSON who made it and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    if (!model)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which model? name its folder with -m");
    if (phase && phase >= every)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--phase %llu: with --every S it is from 0 to S - 1", (unsigned long long)phase);
    if (batch > INT_MAX)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--batch %llu is too large", (unsigned long long)batch);

    vq_session session = {0};
    code = vq_sequences_take(&in, cli, &inputs);
    if (code == VQ_GO_ON)
        code = vq_session_open(&session, cli, model);
    if (code == VQ_GO_ON) {
        const char *const *paths = (const char *const *)in.paths->items;
        size_t count = in.paths->count;
        vqdna_stream_options stream = {.size = sizeof stream,
                                       .input = &in.input,
                                       .every = every,
                                       .phase = phase,
                                       .batch = (int)batch,
                                       .progress = vq_cli_stream_progress,
                                       .user = cli};
        vqdna_metrics metrics;
        vqdna_status status = vqdna_evaluate(session.tokenizer, paths, count, &stream, &metrics);
        vq_cli_progress_end(cli);
        code = status < 0 ? vq_cli_failed(cli, status) : VQ_EXIT_OK;
        if (code == VQ_EXIT_OK && cli->json) {
            json_t *object = vq_metrics_json(&metrics, paths, count), *provenance = vq_provenance(cli, &session);
            if (provenance)
                json_object_set_new(object, "provenance", provenance);
            char *text = vq_json_print(object, true);
            puts(text);
            free(text);
            json_decref(object);
        } else if (code == VQ_EXIT_OK) {
            vq_metrics_print(&metrics, stdout);
        }
    }
    vq_sequences_free(&in);
    vq_session_close(&session);
    return code;
}

const vq_command vq_cmd_eval = {
    .name = "eval",
    .summary = "reconstruction accuracy, and use and perplexity of the codes",
    .synopsis = "-m MODEL [--json] [options] FASTA|-...",
    .notes = "Several files are evaluated as one. Letters other than A, C, G, T and U are skipped in every number but bases.",
    .run = run,
};

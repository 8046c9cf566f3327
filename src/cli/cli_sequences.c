#include "cli/cli_sequences.h"
#include "cli/cli_input.h"
#include "cli/cli_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_list(vq_sequences *s, vq_cli *cli) {
    vq_input in;
    const char *line;
    size_t length;
    int code = cli_input_open(&in, cli, s->list);
    while (code == VQ_GO_ON && vq_input_text_line(&in, &line, &length))
        if (length)
            vq_list_append(&s->names, vq_join("%.*s", (int)length, line));
    if (code == VQ_GO_ON && in.error)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s: %s", in.path, in.error);
    vq_input_close(&in);
    if (code == VQ_GO_ON && !s->names.count)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s names no file: one name a line is read", s->list);
    return code;
}

int vq_sequences_take(vq_sequences *s, vq_cli *cli, vq_list *inputs) {
    static const char *const ambiguous[] = {"mask", "skip", "error"}, *const soft[] = {"keep", "skip"},
                             *const strands[] = {"plus", "minus", "both"};
    int of_ambiguous, of_soft, of_strand, code;
    if ((code = vq_choose(&of_ambiguous, cli, "ambiguous", s->ambiguous, ambiguous, 3)) != VQ_GO_ON ||
        (code = vq_choose(&of_soft, cli, "soft-mask", s->soft_mask, soft, 2)) != VQ_GO_ON ||
        (code = vq_choose(&of_strand, cli, "strand", s->strand, strands, 3)) != VQ_GO_ON)
        return code;
    s->paths = inputs;
    if (s->list && inputs->count)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "'%s' and --list-file both name inputs: use one of them", inputs->items[0]);
    if (s->list && (code = read_list(s, cli)) != VQ_GO_ON)
        return code;
    if (s->list)
        s->paths = &s->names;
    if (!s->paths->count)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "an input is missing; usage: vqdna %s %s", cli->command->name,
                           cli->command->synopsis);
    for (size_t i = 0; i < s->paths->count; i++)
        vq_output_protect(cli, s->paths->items[i]);
    if (s->bed)
        vq_output_protect(cli, s->bed);
    s->input = (vqdna_input_options){.size = sizeof s->input,
                                     .column = s->column,
                                     .intervals = s->bed,
                                     .regions = (const char *const *)s->regions.items,
                                     .region_count = s->regions.count,
                                     .ambiguous = (vqdna_ambiguous)of_ambiguous,
                                     .skip_soft_masked = of_soft == 1,
                                     .strand = (vqdna_strand)of_strand};
    return VQ_GO_ON;
}

void vq_sequences_free(vq_sequences *s) {
    vq_list_free(&s->regions);
    vq_list_free(&s->names);
}

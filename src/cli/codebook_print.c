#include "cli/codebook_print.h"

#include "cli/codebook_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Over the shuffled genome, one added to both where that has none. */
static double enrichment(uint64_t real, uint64_t shuffled) {
    return shuffled ? (double)real / (double)shuffled : (double)real + 1;
}

void vq_codebook_print_list(const vq_codebook_result *all) {
    const vqdna_codebook *codebook = all->codebook;
    const vqdna_codebook_report *r = &all->report;
    char *text = vq_need(NULL, (size_t)(2 * r->reach + 2));
    printf("#level\tcode\tcount\tshare\tbits\tgc\tat\tconsensus\tenrichment\tp\tpartner\n");
    for (int n = 0; n < r->levels; n++)
        for (int k = 0; k < r->level[n].codes; k++) {
            const uint64_t *motif = vqdna_codebook_motif(codebook, n, k);
            uint64_t count = r->level[n].counts[k];
            int first = 0;
            double bits = count ? consensus(text, &first, motif, r->reach) : 0;
            if (!count) {
                printf("%d\t%d\t0\t0\t.\t.\t.\t.\t.\t.\t.\n", n + 1, k);
                continue;
            }
            printf("%d\t%d\t%llu\t%.6g\t%.2f\t%.3f\t%d\t%s\t", n + 1, k, (unsigned long long)count,
                   (double)count / (double)r->bases, bits, gc_share(motif, r->reach), first, *text ? text : ".");
            const vqdna_survey_code *s = all->survey ? &all->survey->level[n][k] : NULL;
            if (s && s->partner >= 0)
                printf("%.3f\t%.3g\t%d\n", enrichment(s->count, s->shuffled), s->p, s->partner);
            else
                printf(".\t.\t.\n");
        }
    free(text);
}

static void print_information(const vqdna_codebook_report *r, const vqdna_codebook_report *u) {
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

static int by_enrichment(const void *a, const void *b) {
    const double *x = a, *y = b;
    return x[0] < y[0] ? 1 : x[0] > y[0] ? -1 : 0;
}

/* A share of an information table is spelt by a code where it tells at least 1.5 bits: how many bases long that is. */
static int spelt(const double *information, int offsets) {
    int width = 0;
    for (int o = 0; o < offsets; o++)
        width += information[o] >= 1.5;
    return width > 1 ? width : 1;
}

/* A p-value in nine columns: one that a double cannot hold is below the least it can. */
static const char *p_text(char text[16], double p) {
    snprintf(text, 16, p > 0 ? "%.2g" : "<1e-300", p);
    return text;
}

static void print_survey(const vq_codebook_result *all) {
    enum { SHOWN = 5 };
    const vqdna_codebook_report *r = &all->report;
    const vqdna_survey *s = all->survey;
    char bases[16], p[16], *text = vq_need(NULL, (size_t)(2 * r->reach + 2));
    printf("\nAgainst %s of these bases shuffled, dinucleotides kept, in %zu windows (p of all tests together):\n",
           vq_short_number(bases, (double)s->bases), s->windows);
    for (int n = 0; n < r->levels; n++) {
        double(*order)[2] = vq_need(NULL, (size_t)r->level[n].codes * sizeof *order);
        int more = 0, less = 0, mirrored = 0;
        for (int k = 0; k < r->level[n].codes; k++) {
            const vqdna_survey_code *c = &s->level[n][k];
            bool special = c->p < 0.01;
            more += special && c->count > c->shuffled;
            less += special && c->count < c->shuffled;
            mirrored += c->partner >= 0 && c->partner_share >= 0.9;
            order[k][0] = special ? enrichment(c->count, c->shuffled) : 0;
            order[k][1] = k;
        }
        printf("level %d  %d codes more often, %d less; %d have one partner on the other strand. Most enriched:", n + 1, more, less,
               mirrored);
        qsort(order, (size_t)r->level[n].codes, sizeof *order, by_enrichment);
        for (int i = 0; i < SHOWN && i < r->level[n].codes && order[i][0] > 1; i++) {
            int k = (int)order[i][1], first;
            consensus(text, &first, vqdna_codebook_motif(all->codebook, n, k), r->reach);
            printf("%s %d (%s) x%.2f", i ? "," : "", k, *text ? text : ".", order[i][0]);
        }
        printf("\n");
        free(order);
    }
    free(text);
    printf("A base exchanged changes the codes of %.1f bases; %.1f %% of the next codes behind a base put in stay (%llu each).\n",
           s->substitution, 100 * s->insertion, (unsigned long long)s->changes);
    const double *told = r->joint ? r->joint : r->level[r->levels - 1].information;
    int width = spelt(told, 2 * r->reach + 1);
    printf("\n%-20s %-30s %9s %9s %7s %9s  %s\n", "known word", "", "count", "shuffled", "ratio", "p",
           "most its own code; tokens it is cut into");
    for (int pass = 0; pass < 2; pass++) {
        bool any = false;
        for (size_t i = 0; i < s->word_count; i++) {
            const vqdna_survey_word *w = &s->words[i];
            bool special = w->p < 0.01;
            if (special == (pass == 0) && pass == 1) {
                printf("%s%s", any ? ", " : "not special here: ", vq_known_words[i].name);
            } else if (special && pass == 0) {
                printf("%-20s %-30s %9llu %9llu %7.2f %9s  ", vq_known_words[i].word, vq_known_words[i].name,
                       (unsigned long long)w->count, (unsigned long long)w->shuffled, enrichment(w->count, w->shuffled),
                       p_text(p, w->p));
                if (w->code >= 0)
                    printf("%d:%d at base %d, %.0f %% of it; ", w->level + 1, w->code, w->place + 1, 100 * w->share);
                printf("%d\n", (int)((strlen(vq_known_words[i].word) + (size_t)width - 1) / (size_t)width));
            }
            any |= pass == 1 && !special;
        }
        printf("%s", any ? "\n" : "");
    }
}

static const char *const places[] = {
    [VQDNA_INSIDE] = "inside", [VQDNA_IN_PHASE] = "phase", [VQDNA_AT_START] = "start", [VQDNA_AT_END] = "end"};

static void print_findings(const vq_codebook_result *all) {
    enum { SHOWN = 8 };
    char p[16], *text = vq_need(NULL, (size_t)(2 * all->report.reach + 2));
    printf("\n%zu findings with p below 0.01 in the annotation%s\n", all->found,
           all->found ? "; the clearest of each kind and place:" : ".");
    if (all->found)
        printf("feature      place   offset  code     consensus (from)          count   ratio         p\n");
    for (size_t i = 0; i < all->found; i++) {
        const vqdna_finding *f = &all->findings[i];
        int before = 0, first;
        for (size_t j = 0; j < i && before < SHOWN; j++)
            before += all->findings[j].place == f->place && !strcmp(all->findings[j].kind, f->kind);
        if (before == SHOWN)
            continue;
        consensus(text, &first, vqdna_codebook_motif(all->codebook, f->level, f->code), all->report.reach);
        printf("%-12.12s %-6s %+7d  %d:%-6d %-18s %+4d %12llu %7.2f %9s\n", f->kind, places[f->place], f->offset, f->level + 1,
               f->code, *text ? text : ".", first, (unsigned long long)f->count, f->enrichment, p_text(p, f->p));
    }
    free(text);
}

void vq_codebook_print_text(const vq_codebook_result *all) {
    print_information(&all->report, all->untrained);
    if (all->survey)
        print_survey(all);
    if (all->annotated)
        print_findings(all);
}

static json_t *numbers(const double *values, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, cli_json_number(values[i]));
    return array;
}

/* With `codebook` each code's counts too, and what a survey says of it. */
static json_t *describe(const vqdna_codebook_report *r, const vqdna_codebook *codebook, const vqdna_survey *survey) {
    json_t *object = json_object(), *levels = json_array();
    int offsets = 2 * r->reach + 1;
    char *text = vq_need(NULL, (size_t)offsets + 1);
    json_object_set_new(object, "bases", json_integer((json_int_t)(r->bases + r->unknown)));
    json_object_set_new(object, "unknown", json_integer((json_int_t)r->unknown));
    json_object_set_new(object, "first_offset", json_integer(-r->reach));
    for (int n = 0; n < r->levels; n++) {
        const vqdna_codebook_level *l = &r->level[n];
        json_t *level = json_pack("{sisisisososo}", "codes", l->codes, "used", l->used, "dead", l->codes - l->used, "perplexity",
                                  cli_json_number(l->perplexity), "bits_a_base", cli_json_number(l->entropy),
                                  "bits_shared_with_level_1", cli_json_number(l->of_first));
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
            json_t *code = json_pack("{sIsososissso}", "count", (json_int_t)l->counts[k], "bits", cli_json_number(bits), "gc",
                                     cli_json_number(gc_share(motif, r->reach)), "at", first, "consensus", text, "motif", rows);
            const vqdna_survey_code *s = survey ? &survey->level[n][k] : NULL;
            if (s && s->partner >= 0) {
                json_object_set_new(code, "enrichment", cli_json_number(enrichment(s->count, s->shuffled)));
                json_object_set_new(code, "p", cli_json_number(s->p));
                json_object_set_new(code, "partner", json_integer(s->partner));
                json_object_set_new(code, "partner_share", cli_json_number(s->partner_share));
            }
            json_array_append_new(list, code);
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

static json_t *describe_survey(const vqdna_survey *s) {
    json_t *words = json_array();
    for (size_t i = 0; i < s->word_count; i++) {
        const vqdna_survey_word *w = &s->words[i];
        json_t *word = json_pack("{sssssssIsIsoso}", "word", vq_known_words[i].word, "name", vq_known_words[i].name, "source",
                                 vq_known_words[i].source, "count", (json_int_t)w->count, "shuffled", (json_int_t)w->shuffled,
                                 "enrichment", cli_json_number(enrichment(w->count, w->shuffled)), "p", cli_json_number(w->p));
        if (w->code >= 0)
            json_object_set_new(word, "code",
                                json_pack("{sisisisoso}", "level", w->level + 1, "code", w->code, "place", w->place, "share",
                                          cli_json_number(w->share), "recall", cli_json_number(w->recall)));
        json_array_append_new(words, word);
    }
    return json_pack("{sIsIsososo}", "windows", (json_int_t)s->windows, "bases", (json_int_t)s->bases,
                     "bases_changed_by_a_substitution", cli_json_number(s->substitution), "codes_unchanged_behind_an_insertion",
                     cli_json_number(s->insertion), "words", words);
}

static json_t *describe_findings(const vq_codebook_result *all) {
    json_t *list = json_array();
    for (size_t i = 0; i < all->found; i++) {
        const vqdna_finding *f = &all->findings[i];
        json_array_append_new(list,
                              json_pack("{sosssisisisIsoso}", "feature", cli_json_text(f->kind), "place", places[f->place],
                                        "offset", f->offset, "level", f->level + 1, "code", f->code, "count", (json_int_t)f->count,
                                        "enrichment", cli_json_number(f->enrichment), "p", cli_json_number(f->p)));
    }
    return list;
}

json_t *vq_codebook_json(const vq_codebook_result *all) {
    const vqdna_codebook_report *u = all->untrained;
    json_t *object = describe(&all->report, all->codebook, all->survey);
    json_object_set_new(object, "untrained", u ? describe(u, NULL, NULL) : json_null());
    json_object_set_new(object, "survey", all->survey ? describe_survey(all->survey) : json_null());
    if (all->annotated)
        json_object_set_new(object, "findings", describe_findings(all));
    return object;
}

void vq_codebook_print_json(vq_cli *cli, const vq_session *session, const vq_codebook_result *all) {
    json_t *object = vq_codebook_json(all), *provenance = vq_provenance(cli, session);
    if (provenance)
        json_object_set_new(object, "provenance", provenance);
    char *text = vq_json_print(object, false);
    puts(text);
    free(text);
    json_decref(object);
}

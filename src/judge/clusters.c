#include "judge/clusters.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* A row of distances, the caller's to free. */
static vq_status take_row(float **row, const vq_distances *d, size_t i) {
    VQ_TRY(vq_alloc(row, d->rows, sizeof **row));
    d->row(d->self, i, *row);
    return VQDNA_OK;
}

/* Marks from 0 to rows - 1 become numbers from 0 by first record; marks below 0 become -1. */
static vq_status number(int *cluster, int *count, size_t rows) {
    int *numbers; /* of a mark, and 1 more: 0 is none yet */
    VQ_TRY(vq_alloc(&numbers, rows, sizeof *numbers));
    *count = 0;
    for (size_t i = 0; i < rows; i++) {
        int *n = cluster[i] < 0 ? NULL : &numbers[cluster[i]];
        if (n && !*n)
            *n = ++*count;
        cluster[i] = n ? *n - 1 : -1;
    }
    free(numbers);
    return VQDNA_OK;
}

/* ---- HDBSCAN: the tree of records -------------------------------------------------------------------------------------------- */

typedef struct density {
    const vq_distances *d;
    int neighbours;
    float *core;
} density;

/* The value that sorting would put at k (Hoare's FIND); `a` is reordered. */
static float select_value(float *a, ptrdiff_t count, ptrdiff_t k) {
    ptrdiff_t low = 0, high = count - 1;
    while (low < high) {
        float pivot = a[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (pivot < a[j])
                j--;
            if (i <= j) {
                float swapped = a[i];
                a[i++] = a[j];
                a[j--] = swapped;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return a[k];
}

static vq_status find_core(void *user, size_t i) {
    density *s = user;
    float *row;
    VQ_TRY(take_row(&row, s->d, i));
    s->core[i] = select_value(row, (ptrdiff_t)s->d->rows, s->neighbours - 1);
    free(row);
    return VQDNA_OK;
}

typedef struct edge {
    float weight; /* the distance of mutual reachability */
    int from, to, order;
} edge;

static int by_weight(const void *a, const void *b) {
    const edge *x = a, *y = b;
    return x->weight != y->weight ? (x->weight < y->weight ? -1 : 1) : (x->order > y->order) - (x->order < y->order);
}

/* Prim's algorithm from record 0, the first record among equals: rows - 1 edges in the order in which they were found. */
static vq_status span(edge *edges, const vq_distances *d, const float *core, const vq_workers *workers) {
    int rows = (int)d->rows, at = 0;
    float *row = NULL;
    edge *best = NULL; /* from the tree to each record; order: -1 until it is in the tree */
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&row, d->rows, sizeof *row));
    VQ_TRY_OR(done, vq_alloc(&best, d->rows, sizeof *best));
    for (int j = 0; j < rows; j++)
        best[j] = (edge){INFINITY, 0, j, -1};
    for (int found = 0; found < rows - 1; found++) {
        int next = -1;
        VQ_TRY_OR(done, vq_workers_attend(workers));
        best[at].order = found;
        d->row(d->self, (size_t)at, row);
        for (int j = 0; j < rows; j++) {
            if (best[j].order >= 0)
                continue;
            float weight = row[j] > core[j] ? row[j] : core[j];
            weight = weight > core[at] ? weight : core[at];
            if (weight < best[j].weight) {
                best[j].weight = weight;
                best[j].from = at;
            }
            if (next < 0 || best[j].weight < best[next].weight)
                next = j;
        }
        edges[found] = best[next];
        edges[found].order = found;
        at = next;
    }
done:
    free(row);
    free(best);
    return status;
}

/* Two nodes that become one; nodes are the records, then the merges. */
typedef struct merge {
    int child[2], size;
    float distance;
} merge;

static int size_of(const merge *merges, int rows, int node) {
    return node < rows ? 1 : merges[node - rows].size;
}

/* Single linkage: `edges` are sorted. */
static vq_status link_records(merge *merges, edge *edges, int rows) {
    int *above; /* of a node, or of one on the way up; -1: none */
    VQ_TRY(vq_alloc(&above, 2 * (size_t)rows, sizeof *above));
    for (int node = 0; node < 2 * rows; node++)
        above[node] = -1;
    qsort(edges, (size_t)rows - 1, sizeof *edges, by_weight);
    for (int i = 0; i < rows - 1; i++) {
        merge *m = &merges[i];
        for (int side = 0; side < 2; side++) {
            int top = side ? edges[i].to : edges[i].from;
            for (int next; (next = above[top]) >= 0; top = next)
                above[top] = above[next] >= 0 ? above[next] : next; /* a shorter way for the next time */
            m->child[side] = top;
        }
        above[m->child[0]] = above[m->child[1]] = rows + i;
        m->size = size_of(merges, rows, m->child[0]) + size_of(merges, rows, m->child[1]);
        m->distance = edges[i].weight;
    }
    free(above);
    return VQDNA_OK;
}

/* ---- HDBSCAN: the tree of clusters ------------------------------------------------------------------------------------------- */

/* A cluster of the condensed tree; number 0 is all records. */
typedef struct branch {
    int parent;
    double birth, stability; /* birth: the density, lambda = 1 / distance, where it parts from its parent */
    double below;            /* what the best clusters under it sum up to */
    int chosen;              /* the chosen cluster that it is or lies in; -1: none */
} branch;

/* Walks down the merges: a cluster goes on until it parts into two of at least `least`; what is smaller leaves it. Returns how many there
 * are; in: of each node, the cluster, ~cluster once it has left. */
static int condense(branch *branches, int *in, const merge *merges, int rows, int least) {
    int count = 1;
    branches[0] = (branch){.parent = -1};
    in[2 * rows - 2] = 0;
    for (int node = 2 * rows - 2; node >= rows; node--) {
        const merge *m = &merges[node - rows];
        int here = in[node], sizes[2];
        for (int side = 0; side < 2; side++)
            sizes[side] = size_of(merges, rows, m->child[side]);
        bool parts = sizes[0] >= least && sizes[1] >= least;
        double lambda = m->distance > 0 ? 1 / (double)m->distance : INFINITY;
        for (int side = 0; side < 2; side++) {
            int child = m->child[side];
            in[child] = here;
            if (here < 0 || (!parts && sizes[side] >= least))
                continue;
            /* birth is finite: Prim's algorithm takes every distance of 0 before it goes on, so what lies at 0 parts one by one */
            branches[here].stability += (lambda - branches[here].birth) * sizes[side];
            in[child] = parts ? count : ~here;
            if (parts)
                branches[count++] = (branch){.parent = here, .birth = lambda};
        }
    }
    return count;
}

/* Excess of mass: a cluster is chosen unless those under it sum up to more. Never all records. */
static void choose(branch *branches, int count) {
    for (int i = count - 1; i > 0; i--) {
        branch *b = &branches[i];
        bool worse = b->below > b->stability;
        b->chosen = worse ? -1 : i;
        branches[b->parent].below += worse ? b->below : b->stability;
    }
    branches[0].chosen = -1;
    for (int i = 1; i < count; i++) {
        int above = branches[branches[i].parent].chosen;
        branches[i].chosen = above >= 0 ? above : branches[i].chosen;
    }
}

vq_status vq_hdbscan(int *cluster, int *count, const vq_distances *d, int least, int core, const vq_workers *workers) {
    assert(least >= 2 && core >= 0 && d->rows <= INT_MAX / 2);
    int rows = (int)d->rows;
    density s = {d, core ? core : least, NULL};
    s.neighbours = s.neighbours < rows ? s.neighbours : rows;
    edge *edges = NULL;
    merge *merges = NULL;
    branch *branches = NULL;
    int *in = NULL;
    vq_status status;
    *count = 0;
    for (int i = 0; i < rows; i++)
        cluster[i] = -1;
    if (rows < least)
        return VQDNA_OK;
    VQ_TRY_OR(done, vq_alloc(&s.core, d->rows, sizeof *s.core));
    VQ_TRY_OR(done, vq_alloc(&edges, d->rows, sizeof *edges));
    VQ_TRY_OR(done, vq_alloc(&merges, d->rows, sizeof *merges));
    VQ_TRY_OR(done, vq_alloc(&branches, d->rows, sizeof *branches)); /* at most rows / least have none under them */
    VQ_TRY_OR(done, vq_alloc(&in, 2 * d->rows, sizeof *in));
    VQ_TRY_OR(done, vq_parallel(d->rows, workers, find_core, &s));
    VQ_TRY_OR(done, span(edges, d, s.core, workers));
    VQ_TRY_OR(done, link_records(merges, edges, rows));
    choose(branches, condense(branches, in, merges, rows, least));
    for (int i = 0; i < rows; i++)
        cluster[i] = branches[~in[i]].chosen;
    VQ_TRY_OR(done, number(cluster, count, d->rows));
done:
    free(s.core);
    free(edges);
    free(merges);
    free(branches);
    free(in);
    return status;
}

#include "seq/shuffle.h"

#include "base/rng.h"

#include <stdbool.h>
#include <string.h>

/* Whether the last edges of all bases lead to `end`. */
static bool leads(const uint8_t *last, const bool *used, int end) {
    for (int b = 0; b < 4; b++) {
        int at = b;
        for (int hops = 0; used[b] && at != end && hops < 4; hops++)
            at = last[at];
        if (used[b] && at != end)
            return false;
    }
    return true;
}

void vq_shuffle(uint8_t *bases, uint8_t *room, size_t count, uint64_t seed, uint64_t step) {
    if (count < 4)
        return;
    size_t first[5] = {0}, at[4];
    uint64_t drawn = 0;
    int end = bases[count - 1];
    for (size_t i = 0; i + 1 < count; i++)
        first[bases[i] + 1]++;
    for (int b = 0; b < 4; b++)
        first[b + 1] += first[b];
    memcpy(at, first, sizeof at);
    for (size_t i = 0; i + 1 < count; i++) /* the followers of each base, together */
        room[at[bases[i]]++] = bases[i + 1];
    /* A random tree of last edges that leads to the end; any other would strand the path. */
    uint8_t last[4];
    bool used[4];
    do {
        for (int b = 0; b < 4; b++) {
            size_t edges = first[b + 1] - first[b];
            used[b] = edges > 0 && b != end;
            size_t pick = edges ? first[b] + vq_rng_below(edges, seed, VQ_STREAM_SHUFFLE, step, drawn++) : 0;
            last[b] = edges ? room[pick] : (uint8_t)end;
        }
    } while (!leads(last, used, end));
    for (int b = 0; b < 4; b++) {
        size_t from = first[b], to = first[b + 1];
        if (used[b]) { /* one edge to that follower goes last */
            for (size_t i = from; i < to; i++)
                if (room[i] == last[b]) {
                    room[i] = room[to - 1];
                    break;
                }
            room[--to] = last[b];
        }
        for (size_t i = to; i > from + 1; i--) {
            size_t j = from + vq_rng_below(i - from, seed, VQ_STREAM_SHUFFLE, step, drawn++);
            uint8_t other = room[i - 1];
            room[i - 1] = room[j];
            room[j] = other;
        }
    }
    memcpy(at, first, sizeof at);
    for (size_t i = 0; i + 1 < count; i++)
        bases[i + 1] = room[at[bases[i]]++];
}

#include "ops/rows.h"

static uint8_t clipped(int reach) {
    return (uint8_t)(reach < VQ_MAX_REACH ? reach : VQ_MAX_REACH);
}

void vq_rows_piece(vq_row *rows, const uint8_t *bases, int count, uint64_t first, uint64_t stride) {
    uint64_t phase = first % stride;
    for (int i = 0; i < count; i++) {
        rows[i] = (vq_row){bases[i], clipped(i), clipped(count - 1 - i), phase == 0};
        phase = phase + 1 == stride ? 0 : phase + 1;
    }
}

void vq_rows_padding(vq_row *rows, int count) {
    for (int i = 0; i < count; i++)
        rows[i] = (vq_row){VQ_UNKNOWN_BASE, 0, 0, 0};
}

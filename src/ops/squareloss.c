#include "ops/squareloss.h"

enum { GROUP = 64 };

vq_status vq_squareloss(vq_device *device, vq_view dy, vq_view metrics, vq_view y, vq_view targets, int n, float scale) {
    const vq_group g = vq_group_fit(device, "squareloss", "", GROUP, GROUP);
    return vq_run(device, "squareloss", "squareloss", g.options, vq_grid1(1, g.across), vq_in(dy), vq_in(metrics), vq_in(y),
                  vq_in(targets), vq_int(n), vq_float(scale));
}

/* Softmax cross-entropy of M rows of C logits, with its gradient. A work-group takes `per` rows, one after another, LX work-items over
 * the classes of a row: on a CPU device one work-item does all of it. */

#if LX > 1
/* The largest of all items' tops and where it stands, the first among equals: to every item. */
float group_top(float top, int *at, local float *tops, local int *ats) {
    const int i = get_local_id(0);
    tops[i] = top;
    ats[i] = *at;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int span = LX / 2; span > 0; span /= 2) {
        if (i < span && (tops[i + span] > tops[i] || (tops[i + span] == tops[i] && ats[i + span] < ats[i]))) {
            tops[i] = tops[i + span];
            ats[i] = ats[i + span];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    top = tops[0];
    *at = ats[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return top;
}
#endif

/* exp(x) for x <= 0 */
#define EXP(x) vq_exp2((x) * 1.44269504f)

/* dlogits, best, partials and weights may be NULL. partials [M][2]: each row's loss, and whether its best is the target. */
kernel VQ_GROUP void softmaxloss(global float *dlogits, global int *best, global float *partials, const global float *logits,
                                 const global int *targets, const global float *weights, int M, int C, float scale, int per) {
#if LX > 1
    local float tree[LX];
    local int ats[LX];
#endif
    const int start = VQ_GROUP_ID(0) * per, end = min(M, start + per);
    for (int m = start; m < end; m++) {
        const global float *z = logits + (size_t)m * C;
        const int target = targets[m];
        const bool known = target >= 0 && target < C;
        const float weight = !known ? 0.0f : weights ? weights[target] : 1.0f;

        vf tops = (vf)(-INFINITY);
        vi where = (vi)(C);
        VQ_CHANNELS(d, n, C) {
            vf v = vq_load(z + d, n);
            if (n < VW) { /* what is past the end is no class */
                float part[VW];
                VSTORE(v, part);
                for (int i = 0; i < VW; i++)
                    part[i] = i < n ? part[i] : -INFINITY;
                v = VLOAD(part);
            }
            where = v > tops ? (vi)(d) : where;
            tops = v > tops ? v : tops;
        }
        float lane[VW], top = -INFINITY;
        int from[VW], at = C;
        VSTORE(tops, lane);
        VSTORE(where, from);
        for (int i = 0; i < VW; i++)
            if (lane[i] > top || (lane[i] == top && from[i] + i < at)) {
                top = lane[i];
                at = from[i] + i;
            }
#if LX > 1
        top = group_top(top, &at, tree, ats);
#endif

        vf sums = (vf)(0.0f);
        float sum = 0.0f;
        VQ_CHANNELS(d, n, C) {
            const vf e = EXP(vq_load(z + d, n) - top);
            if (n == VW) {
                sums += e;
            } else {
                float part[VW];
                VSTORE(e, part);
                for (int i = 0; i < n; i++)
                    sum += part[i];
            }
        }
        sum += vq_sum(sums);
#if LX > 1
        sum = vq_group_sum(sum, tree, (int)get_local_id(0), LX);
#endif
        if (get_local_id(0) == 0) {
            if (partials)
                vstore2((float2)(known ? weight * (log(sum) + (top - z[target])) : 0.0f, known && at == target), m, partials);
            if (best)
                best[m] = at;
        }
        if (!dlogits)
            continue;
#if LX > 1
        barrier(CLK_GLOBAL_MEM_FENCE); /* z[target] was read, and may be written now */
#endif
        const float share = weight * scale / sum;
        global float *dz = dlogits + (size_t)m * C;
        VQ_CHANNELS(d, n, C) {
            const vf e = EXP(vq_load(z + d, n) - top) * share;
            vq_store(known ? e : (vf)(0.0f), dz + d, n);
            if (known && target >= d && target < d + n)
                dz[target] -= weight * scale;
        }
    }
}

/* One work-group: adds the rows' sums to metrics [2]. */
kernel VQ_GROUP void softmaxloss_sum(global float *metrics, const global float *partials, int M) {
    float2 sum = 0.0f;
    for (int m = get_local_id(0); m < M; m += LX)
        sum += vload2(m, partials);
#if LX > 1
    local float tree[LX];
    sum.s0 = vq_group_sum(sum.s0, tree, (int)get_local_id(0), LX);
    sum.s1 = vq_group_sum(sum.s1, tree, (int)get_local_id(0), LX);
#endif
    if (get_local_id(0) == 0)
        vstore2(vload2(0, metrics) + sum, 0, metrics);
}

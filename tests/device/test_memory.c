/* The memory plan: what lies where, what may share, and what happens when there is too little. */
#include "device/plan.h"
#include "fixture.h"

#include <check.h>

enum { MOST = 64 };

/* The plan's table, as the public function reports it. */
typedef struct {
    char name[48], role[16];
    size_t bytes, offset;
    int slab;
} line;
typedef struct {
    line lines[MOST];
    int count;
} table;

static void note(void *user, const char *name, const char *role, int rank, const size_t *shape, size_t bytes, int slab,
                 size_t offset) {
    table *t = user;
    ck_assert_int_lt(t->count, MOST);
    line *l = &t->lines[t->count++];
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->role, sizeof l->role, "%s", role);
    l->bytes = bytes;
    l->slab = slab;
    l->offset = offset;
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= shape[i];
    ck_assert_uint_le(count, bytes);
    ck_assert_uint_eq(offset % device->alignment, 0);
}

static const line *find(const table *t, const char *name, const char *role) {
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->lines[i].name, name) == 0 && strcmp(t->lines[i].role, role) == 0)
            return &t->lines[i];
    ck_abort_msg("no %s %s", role, name);
    return NULL;
}

static bool overlap(const line *a, const line *b) {
    return a->slab == b->slab && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* Everything of roles other than scratch lies apart from everything. */
static void check_apart(const table *t) {
    for (int i = 0; i < t->count; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(t->lines[i].role, "scratch") != 0 || strcmp(t->lines[j].role, "scratch") != 0)
                ck_assert_msg(!overlap(&t->lines[i], &t->lines[j]), "%s and %s", t->lines[i].name, t->lines[j].name);
}

/* Scratch in scopes: x outside; A with a, then B (b) and C (c) inside it, then a2; D beside A with d; then y outside. */
static vq_tensor tensors[32];

static vq_plan *nested(bool training) {
    vq_plan *p;
    vq_tensor *t = tensors;
    ck_ok(vq_plan_create(&p, device, training ? VQ_TRAINING : VQ_INFERENCE));
    vq_plan_tensor(p, t++, VQ_PARAM, VQ_F32, "w", 33, 7);
    vq_plan_tensor(p, t++, VQ_STATE, VQ_F32, "state", 100);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_F32, "x", 10);
    vq_plan_scope_begin(p);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_F32, "a", 1000);
    vq_plan_scope_begin(p);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_U8, "b", 5000);
    vq_plan_tensor(p, t++, VQ_SAVED, VQ_F32, "kept", 77);
    vq_plan_scope_end(p);
    vq_plan_scope_begin(p);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_I32, "c", 900);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_I32, "c2", 50);
    vq_plan_scope_end(p);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_F32, "a2", 20);
    vq_plan_scope_end(p);
    vq_plan_scope_begin(p);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_F32, "d", 2000);
    vq_plan_scope_end(p);
    vq_plan_tensor(p, t++, VQ_SCRATCH, VQ_F32, "y", 10);
    vq_plan_tensor(p, t++, VQ_INPUT, VQ_U8, "in", 3);
    vq_plan_tensor(p, t++, VQ_PARAM, VQ_F32, "v", 1);
    return p;
}

static void check_nested(const vq_plan *p) {
    table t = {.count = 0};
    vq_plan_describe(p, 0, note, &t);
    check_apart(&t);
    /* Alive at once: scratch of a scope with that of its own, of the scopes around it and inside it. */
    static const char *const together[][2] = {{"x", "a"}, {"x", "b"}, {"x", "c"},  {"x", "d"},  {"x", "a2"}, {"x", "y"},
                                              {"a", "b"}, {"a", "c"}, {"a", "a2"}, {"a2", "b"}, {"a2", "c"}, {"c", "c2"},
                                              {"y", "a"}, {"y", "b"}, {"y", "c"},  {"y", "d"},  {"a2", "c2"}};
    for (size_t i = 0; i < sizeof together / sizeof *together; i++)
        ck_assert_msg(!overlap(find(&t, together[i][0], "scratch"), find(&t, together[i][1], "scratch")), "%s and %s",
                      together[i][0], together[i][1]);
}

START_TEST(scopes) {
    vq_plan *p = nested(false);
    ck_ok(vq_plan_bind(p));
    check_nested(p);
    table t = {.count = 0};
    vq_plan_describe(p, 0, note, &t);
    ck_assert(overlap(find(&t, "b", "scratch"), find(&t, "c", "scratch"))); /* or there would be no point */
    ck_assert(overlap(find(&t, "a", "scratch"), find(&t, "d", "scratch")));
    vq_plan_destroy(p);
}
END_TEST

/* The same in slabs that hold two or three tensors each. */
START_TEST(many_slabs) {
    uint64_t limit = device->info.max_allocation;
    device->info.max_allocation = 9000;
    vq_plan *p = nested(true);
    ck_ok(vq_plan_bind(p));
    check_nested(p);
    table t = {.count = 0};
    vq_plan_describe(p, 0, note, &t);
    int slabs = 0;
    for (int i = 0; i < t.count; i++) {
        ck_assert_uint_le(t.lines[i].offset + t.lines[i].bytes, 9000);
        slabs = t.lines[i].slab >= slabs ? t.lines[i].slab + 1 : slabs;
    }
    ck_assert_int_ge(slabs, 4 + 1 + 2); /* regions, what is kept, scratch */
    vq_plan_destroy(p);
    device->info.max_allocation = limit;
}
END_TEST

/* Views are what the table says: bytes written to one tensor are found there, and no other changes. */
START_TEST(views_lie_apart) {
    vq_plan *p = nested(true);
    ck_ok(vq_plan_bind(p));
    const vq_tensor *t;
    unsigned char data[8192], back[8192];
    size_t count = 0;
    for (size_t i = 0; (t = vq_plan_at(p, i)); i++, count++) {
        ck_assert_ptr_eq(t, &tensors[i]);
        static const size_t sizes[] = {[VQ_F32] = 4, [VQ_I32] = 4, [VQ_U32] = 4, [VQ_U8] = 1, [VQ_U16] = 2};
        ck_assert_uint_eq(t->view.bytes, t->count * sizes[t->dtype]);
        ck_assert(t->role == VQ_PARAM ? t->grad.mem && t->moment1.mem && t->moment2.mem
                                      : !t->grad.mem && !t->moment1.mem && !t->moment2.mem);
        if (t->role == VQ_SCRATCH)
            continue;
        memset(data, (int)i + 1, sizeof data);
        ck_ok(vq_write(device, t->view, 0, data, t->view.bytes));
    }
    ck_assert_uint_eq(count, 13);
    for (size_t i = 0; (t = vq_plan_at(p, i)); i++) {
        if (t->role == VQ_SCRATCH)
            continue;
        memset(data, (int)i + 1, sizeof data);
        ck_ok(vq_read(device, back, t->view, 0, t->view.bytes));
        ck_assert_mem_eq(data, back, t->view.bytes);
    }
    vq_plan_destroy(p);
}
END_TEST

/* PARAM tensors lie packed in one region, the others mirror it; all is zero at first. */
START_TEST(regions) {
    vq_plan *p = nested(true);
    ck_ok(vq_plan_bind(p));
    vq_regions r = vq_plan_regions(p, VQ_ALL);
    size_t first = (33 * 7 * 4 + device->alignment - 1) / device->alignment * device->alignment;
    ck_assert_uint_eq(r.count * 4, first + device->alignment);
    ck_assert_uint_eq(r.param.bytes, r.count * 4);
    table t = {.count = 0};
    vq_plan_describe(p, 0, note, &t);
    ck_assert_uint_eq(find(&t, "w", "param")->offset, 0);
    ck_assert_uint_eq(find(&t, "v", "grad")->offset, first);
    float ones[33 * 7], *all = malloc(r.count * sizeof *all);
    for (int i = 0; i < 33 * 7; i++)
        ones[i] = 1;
    const vq_view views[] = {r.param, r.grad, r.moment1, r.moment2};
    const vq_view tensor[] = {tensors[0].view, tensors[0].grad, tensors[0].moment1, tensors[0].moment2};
    for (int v = 0; v < 4; v++) {
        ck_ok(vq_read(device, all, views[v], 0, r.count * sizeof *all));
        for (size_t i = 0; i < r.count; i++)
            ck_assert_float_eq(all[i], 0);
        ck_ok(vq_write(device, tensor[v], 0, ones, sizeof ones));
        ck_ok(vq_read(device, all, views[v], 0, r.count * sizeof *all));
        for (size_t i = 0; i < r.count; i++)
            ck_assert_float_eq(all[i], i < 33 * 7);
    }
    free(all);
    vq_plan_destroy(p);
    p = nested(false);
    ck_ok(vq_plan_bind(p));
    r = vq_plan_regions(p, VQ_ALL);
    ck_assert(r.param.mem && !r.grad.mem && !r.moment1.mem);
    vq_plan_destroy(p);
}
END_TEST

START_TEST(too_little) {
    uint64_t limit = device->info.max_allocation, all = device->info.global_bytes;
    ck_assert_uint_eq(device->allocated, 0);
    vq_plan *p;
    vq_tensor t, u;
    device->info.max_allocation = 4096;
    ck_ok(vq_plan_create(&p, device, VQ_INFERENCE));
    vq_plan_tensor(p, &t, VQ_SAVED, VQ_F32, "enc.3.hidden", 1025);
    ck_fails(vq_plan_bind(p), VQDNA_ERR_MEMORY, "enc.3.hidden", device->info.name, "smaller batch");
    vq_plan_destroy(p);

    ck_ok(vq_plan_create(&p, device, VQ_TRAINING));
    vq_plan_tensor(p, &t, VQ_PARAM, VQ_F32, "w", 1000);
    vq_plan_tensor(p, &u, VQ_PARAM, VQ_F32, "v", 1000);
    ck_fails(vq_plan_bind(p), VQDNA_ERR_MEMORY, "weights", device->info.name, "smaller preset");
    vq_plan_destroy(p);

    ck_ok(vq_plan_create(&p, device, VQ_TRAINING));
    static vq_tensor many[100];
    for (int i = 0; i < 100; i++)
        vq_plan_tensor(p, &many[i], VQ_SAVED, VQ_F32, "t", 1000);
    ck_fails(vq_plan_bind(p), VQDNA_ERR_MEMORY, "slabs", "smaller batch");
    vq_plan_destroy(p);
    device->info.max_allocation = limit;

    device->info.global_bytes = 3 << 20;
    ck_ok(vq_plan_create(&p, device, VQ_TRAINING));
    vq_plan_tensor(p, &t, VQ_PARAM, VQ_F32, "w", 1 << 18);
    ck_fails(vq_plan_bind(p), VQDNA_ERR_MEMORY, "4.0 MiB", "3.0 MiB", "smaller batch or preset");
    vq_plan_destroy(p);
    /* What other plans hold counts too, and comes back. */
    vq_plan *q;
    ck_ok(vq_plan_create(&q, device, VQ_INFERENCE));
    vq_plan_tensor(q, &u, VQ_SAVED, VQ_F32, "a", 1 << 19);
    ck_ok(vq_plan_bind(q));
    ck_assert_uint_eq(device->allocated, 2 << 20);
    ck_ok(vq_plan_create(&p, device, VQ_INFERENCE));
    vq_plan_tensor(p, &t, VQ_SAVED, VQ_F32, "b", 1 << 19);
    ck_fails(vq_plan_bind(p), VQDNA_ERR_MEMORY, "4.0 MiB", "3.0 MiB");
    vq_plan_destroy(p);
    vq_plan_destroy(q);
    ck_assert_uint_eq(device->allocated, 0);
    device->info.global_bytes = all;
    vq_plan_destroy(NULL);
}
END_TEST

/* An upload copies the host's bytes aside at once: the caller may change them before the transfer is over. */
START_TEST(uploads) {
    enum { VIEWS = 30, MOST_BYTES = 5000 };
    vq_view views[VIEWS];
    unsigned char data[MOST_BYTES], want[MOST_BYTES], back[MOST_BYTES];
    for (int i = 0; i < VIEWS; i++) {
        size_t bytes = 1 + (size_t)(i * 977 % MOST_BYTES);
        ck_ok(vq_view_create(device, &views[i], bytes));
        memset(data, i + 1, sizeof data);
        ck_ok(vq_upload(device, views[i], data, bytes));
        memset(data, 0xee, sizeof data);
    }
    for (int i = 0; i < VIEWS; i++) {
        memset(want, i + 1, sizeof want);
        ck_ok(vq_read(device, back, views[i], 0, views[i].bytes));
        ck_assert_mem_eq(back, want, views[i].bytes);
        vq_view_destroy(&views[i]);
        ck_assert_ptr_null(views[i].mem);
    }
}
END_TEST

START_TEST(transfers) {
    vq_view a, b, piece;
    size_t half = device->alignment, bytes = 2 * half;
    unsigned char data[2048], back[2048];
    ck_assert_uint_le(bytes, sizeof data);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7 + 1);
    ck_ok(vq_view_create(device, &a, bytes));
    ck_ok(vq_view_create(device, &b, bytes));
    ck_ok(vq_write(device, a, 0, data, bytes));
    ck_ok(vq_zero(device, b));
    ck_ok(vq_copy(device, b, 3, a, 5, half));
    ck_ok(vq_read(device, back, b, 0, bytes));
    for (size_t i = 0; i < bytes; i++)
        ck_assert_uint_eq(back[i], i >= 3 && i < 3 + half ? data[i + 2] : 0);
    ck_ok(vq_view_cut(device, &piece, a, half, half - 1));
    ck_ok(vq_read(device, back, piece, 1, half - 2));
    ck_assert_mem_eq(back, data + half + 1, half - 2);
    ck_ok(vq_zero(device, piece)); /* an odd number of bytes */
    ck_ok(vq_read(device, back, a, 0, bytes));
    ck_assert_mem_eq(back, data, half);
    ck_assert_uint_eq(back[half], 0);
    ck_assert_uint_eq(back[bytes - 2], 0);
    ck_assert_uint_eq(back[bytes - 1], data[bytes - 1]);
    ck_fails(vq_read(device, back, a, bytes - 1, 2), VQDNA_ERR_DEVICE, "reading device memory");
    ck_ok(vq_read(device, back, a, bytes, 0));
    ck_ok(vq_upload(device, a, data, 0));
    vq_view_destroy(&piece);
    vq_view_destroy(&a);
    vq_view_destroy(&b);
    vq_view_destroy(&b);
}
END_TEST

/* A plan without a device lists weights and state, in order, and nothing else; tied ones once. */
START_TEST(listed) {
    vq_plan *p;
    vq_tensor w, b, codes, saved, tied, cold;
    ck_ok(vq_plan_create(&p, NULL, VQ_INFERENCE));
    ck_assert(vq_plan_is_list(p));
    vq_plan_enter(p, "body.%d.", 3);
    vq_plan_weight(p, &w, "w", vq_weight_start(9), 4, 9);
    vq_plan_tie(p, &tied, &w);
    vq_plan_leave(p);
    vq_plan_weight(p, &b, "b", vq_bias_start(9), 4);
    vq_plan_tensor(p, &saved, VQ_SAVED, VQ_F32, "saved", 5);
    vq_plan_freeze(p);
    vq_plan_weight(p, &cold, "cold", VQ_ONES, 2);
    vq_plan_thaw(p);
    vq_plan_tensor(p, &codes, VQ_CODES, VQ_F32, "codes", 7, 3);
    const vq_tensor *const want[] = {&w, &tied, &b, &cold, &codes, NULL};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        ck_assert_ptr_eq(vq_plan_at(p, i), want[i]);
    ck_assert_str_eq(w.name, "body.3.w");
    ck_assert(w.start.decays && !b.start.decays && tied.tied && cold.role == VQ_FROZEN);
    ck_assert_ptr_eq(vq_plan_find(p, "body.3.w"), &w);
    ck_assert_ptr_null(vq_plan_find(p, "saved"));
    vq_plan_destroy(p);
}
END_TEST

/* Sorted, what decays lies first; frozen weights have no gradient; a tied one has the memory of the other. */
START_TEST(sorted) {
    vq_plan *p;
    vq_tensor t[4], tied;
    ck_ok(vq_plan_create(&p, device, VQ_TRAINING_SORTED));
    vq_plan_weight(p, &t[0], "bias", vq_bias_start(5), 1000);
    vq_plan_weight(p, &t[1], "weight", vq_weight_start(5), 300, 7);
    vq_plan_freeze(p);
    vq_plan_weight(p, &t[2], "frozen", vq_weight_start(5), 12);
    vq_plan_thaw(p);
    vq_plan_weight(p, &t[3], "norm", VQ_ONES, 3);
    vq_plan_tie(p, &tied, &t[1]);
    ck_ok(vq_plan_bind(p));
    vq_regions all = vq_plan_regions(p, VQ_ALL), first = vq_plan_regions(p, VQ_DECAYING), rest = vq_plan_regions(p, VQ_UNDECAYED);
    ck_assert_uint_eq(all.count, first.count + rest.count);
    ck_assert(first.count >= 2100 && first.count < 2100 + 1024 && rest.count >= 1003);
    ck_assert(t[2].grad.mem == NULL && t[2].view.mem != NULL && t[1].grad.mem != NULL);
    ck_assert_ptr_eq(tied.view.mem, t[1].view.mem);
    ck_assert_ptr_eq(tied.grad.mem, t[1].grad.mem);
    float one = 1, got;
    ck_ok(vq_write(device, t[1].view, 0, &one, sizeof one)); /* first of what decays */
    ck_ok(vq_read(device, &got, first.param, 0, sizeof got));
    ck_assert_float_eq(got, 1);
    ck_ok(vq_write(device, t[0].grad, 0, &one, sizeof one)); /* first of the rest */
    ck_ok(vq_read(device, &got, rest.grad, 0, sizeof got));
    ck_assert_float_eq(got, 1);
    vq_plan_destroy(p);
}
END_TEST

START_TEST(long_names) {
    vq_plan *p;
    vq_tensor t;
    char name[VQ_TENSOR_NAME + 10];
    memset(name, 'x', sizeof name);
    name[VQ_TENSOR_NAME - 1] = 0;
    ck_ok(vq_plan_create(&p, device, VQ_INFERENCE));
    vq_plan_weight(p, &t, name, VQ_ONES, 1);
    ck_ok(vq_plan_fits(p, 0));
    vq_plan_enter(p, "y");
    vq_plan_weight(p, &t, name, VQ_ONES, 1);
    ck_fails(vq_plan_fits(p, 0), VQDNA_ERR_USAGE, "yxxx", "longer than");
    vq_plan_destroy(p);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory");
    TCase *t = fixture_case(suite, "memory");
    tcase_add_test(t, listed);
    tcase_add_test(t, sorted);
    tcase_add_test(t, long_names);
    tcase_add_test(t, too_little);
    tcase_add_test(t, scopes);
    tcase_add_test(t, many_slabs);
    tcase_add_test(t, views_lie_apart);
    tcase_add_test(t, regions);
    tcase_add_test(t, uploads);
    tcase_add_test(t, transfers);
    return scratch_run(suite);
}

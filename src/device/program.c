#include "device/program.h"

#include "base/cache.h"
#include "base/file.h"
#include "base/log.h"
#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

struct vq_kernel {
    vq_kernel *next;
    char *key; /* stem, name and options */
    cl_kernel kernel;
    vq_kernel_limits limits;
};

typedef struct program {
    struct program *next;
    char *key; /* stem and options */
    cl_program program;
    bool limited; /* whether the limits were asked for */
    vq_kernel_limits limits;
} program;

struct vq_kernel_table {
    vq_kernel *kernels;
    program *programs;
    bool announced; /* that kernels are being compiled */
    uint64_t told;  /* the hash of the compiler's log that was told last: a build that fails is tried again */
};

static const char *embedded(const char *stem) {
    for (const vq_source *s = vq_sources; s->stem; s++)
        if (strcmp(s->stem, stem) == 0)
            return s->text;
    return NULL;
}

/* The text of cl/STEM.cl, from $VQDNA_KERNEL_DIR if set. *out is malloc'ed. */
static vq_status source_text(char **out, const char *stem) {
    const char *dir = getenv("VQDNA_KERNEL_DIR");
    if (dir && *dir) {
        char *path;
        if (asprintf(&path, "%s/%s.cl", dir, stem) < 0)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory");
        vq_status status = vq_read_file(out, NULL, path, 1 << 20);
        free(path);
        return status;
    }
    const char *text = embedded(stem);
    if (!text)
        return vq_fail(VQDNA_ERR_DEVICE, "no kernels named %s are built in", stem);
    VQ_TRY(vq_alloc(out, strlen(text) + 1, 1));
    strcpy(*out, text);
    return VQDNA_OK;
}

static vq_status compile_error(vq_device *device, cl_program p, const char *stem, cl_int err) {
    size_t size = 0;
    clGetProgramBuildInfo(p, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = calloc(size + 1, 1);
    if (log) {
        clGetProgramBuildInfo(p, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
        const uint64_t hash = XXH3_64bits(log, strlen(log));
        if (hash != device->kernels->told)
            vq_log(VQDNA_WARNING, "compiler's log for %s.cl:\n%s", stem, log);
        device->kernels->told = hash;
    }
    free(log);
    return vq_fail(VQDNA_ERR_DEVICE, "%s: the driver's compiler refused the kernels of %s.cl (OpenCL error %d)", device->info.name,
                   stem, (int)err);
}

/* Cache file of a program in *out (free it), NULL if there is nowhere to keep it. */
static void cache_path(vq_device *device, char **out, const char *text, const char *options) {
    char *dir, name[48];
    *out = NULL;
    if (!vq_cache_dir(&dir))
        return;
    XXH3_state_t *state = XXH3_createState();
    if (state) {
        XXH3_128bits_reset(state);
        const char *parts[] = {text,
                               options,
                               device->info.name,
                               device->info.driver,
                               device->info.version,
                               device->info.platform,
                               device->info.platform_version,
                               VQDNA_VERSION};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            XXH3_128bits_update(state, parts[i], strlen(parts[i]) + 1);
        XXH128_hash_t h = XXH3_128bits_digest(state);
        XXH3_freeState(state);
        snprintf(name, sizeof name, "program-%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
        if (vq_path_join(out, dir, name) < 0)
            *out = NULL;
    }
    free(dir);
}

/* A cache file is the XXH3 of its name and the binary, then the binary: a driver may crash on a damaged one, or take one of other
 * kernels, so it never sees it. */
typedef struct {
    uint64_t low, high;
} digest;

static digest digest_of(const char *path, const void *data, size_t size) {
    const char *name = strrchr(path, '/') + 1;
    XXH128_hash_t h = XXH3_128bits_withSeed(data, size, XXH3_64bits(name, strlen(name)));
    return (digest){h.low64, h.high64};
}

static cl_program load_binary(vq_device *device, const char *path, const char *data, size_t size, const char *options) {
    digest stored, found;
    if (size <= sizeof stored)
        return NULL;
    memcpy(&stored, data, sizeof stored);
    size -= sizeof stored;
    const unsigned char *binary = (const unsigned char *)data + sizeof stored;
    found = digest_of(path, binary, size);
    if (memcmp(&stored, &found, sizeof stored) != 0)
        return NULL;
    cl_int err, accepted;
    cl_program p = clCreateProgramWithBinary(device->context, 1, &device->id, &size, &binary, &accepted, &err);
    if (err == CL_SUCCESS && accepted == CL_SUCCESS && clBuildProgram(p, 1, &device->id, options, NULL, NULL) == CL_SUCCESS)
        return p;
    if (err == CL_SUCCESS)
        clReleaseProgram(p);
    return NULL;
}

static cl_program from_cache(vq_device *device, const char *path, const char *options) {
    char *data;
    size_t size;
    if (!path || !vq_cache_read(&data, &size, path, (size_t)256 << 20))
        return NULL;
    cl_program p = load_binary(device, path, data, size, options);
    free(data);
    if (!p)
        unlink(path);
    return p;
}

static void to_cache(cl_program p, const char *path) {
    size_t size = 0;
    if (!path || clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || !size)
        return;
    unsigned char *file = malloc(sizeof(digest) + size), *binary = file + sizeof(digest);
    if (file && clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS) {
        digest stored = digest_of(path, binary, size);
        memcpy(file, &stored, sizeof stored);
        vq_cache_write(path, file, sizeof stored + size);
    }
    free(file);
}

static vq_status build(vq_device *device, cl_program *out, const char *stem, const char *options) {
    char *prelude = NULL, *body = NULL, *text = NULL, *path = NULL;
    vq_status status;
    VQ_TRY_OR(done, source_text(&prelude, "prelude"));
    VQ_TRY_OR(done, source_text(&body, stem));
    size_t size = strlen(prelude) + strlen(body) + 64;
    VQ_TRY_OR(done, vq_alloc(&text, size, 1));
    snprintf(text, size, "%s\n#line 1 \"%s.cl\"\n%s", prelude, stem, body);

    cache_path(device, &path, text, options);
    *out = device->driver_caches ? NULL : from_cache(device, path, options);
    if (*out)
        goto done;
    const bool seen = device->driver_caches && path && access(path, F_OK) == 0;
    if (!device->kernels->announced && !seen)
        vq_log(VQDNA_INFO, "compiling kernels for %s%s...", device->info.name,
               path ? " (first run only)" : "; with no writable cache folder, as every run will (XDG_CACHE_HOME names another)");
    if (!seen) {
        device->kernels->announced = true;
        vq_log(VQDNA_DEBUG, "compiling %s.cl with %s", stem, options);
    }
    cl_int err;
    const char *texts[] = {text};
    cl_program p = clCreateProgramWithSource(device->context, 1, texts, NULL, &err);
    if (err != CL_SUCCESS) {
        status = vq_fail_cl(err, stem);
        goto done;
    }
    err = clBuildProgram(p, 1, &device->id, options, NULL, NULL);
    if (err != CL_SUCCESS) /* LLVM removes its temporary files at the first SIGINT or SIGTERM, which is a caller's to answer */
        err = clBuildProgram(p, 1, &device->id, options, NULL, NULL);
    if (err != CL_SUCCESS) {
        status = compile_error(device, p, stem, err);
        clReleaseProgram(p);
        goto done;
    }
    if (device->driver_caches && !seen && path)
        vq_cache_write(path, "", 0); /* says that the driver has this program */
    else if (!device->driver_caches)
        to_cache(p, path);
    *out = p;
done:
    free(prelude);
    free(body);
    free(text);
    free(path);
    return status;
}

static vq_status find_program(vq_device *device, program **out, const char *stem, const char *options) {
    char key[1024];
    snprintf(key, sizeof key, "%s %s", stem, options);
    for (program *p = device->kernels->programs; p; p = p->next)
        if (strcmp(p->key, key) == 0) {
            *out = p;
            return VQDNA_OK;
        }
    program *p;
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    vq_status status = build(device, &p->program, stem, options);
    p->key = strdup(key);
    if (status < 0 || !p->key) {
        free(p->key);
        free(p);
        return status < 0 ? status : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    }
    p->next = device->kernels->programs;
    device->kernels->programs = p;
    *out = p;
    return VQDNA_OK;
}

/* The options of a build, and the table it goes to. */
static vq_status prepare(vq_device *device, char full[900], const char *stem, const char *options) {
    const vq_shape shape = vq_shape_of(device, stem);
    if (!device->kernels)
        VQ_TRY(vq_alloc(&device->kernels, 1, sizeof *device->kernels));
    const char *family = shape.family != VQ_FAMILY_GPU      ? ""
                         : strcmp(device->info.type, "cpu") ? " -DVQ_GPU"
                                                            : " -DVQ_GPU -DVQ_ROLLED";
    int n = snprintf(full, 900, "-DVW=%d%s %s", shape.width, family, options);
    if (n < 0 || n >= 900)
        return vq_fail(VQDNA_ERR_DEVICE, "build options of %s.cl are too long", stem);
    return VQDNA_OK;
}

static vq_kernel_limits limits_of(const vq_device *device, cl_kernel kernel) {
    size_t items = 0;
    cl_ulong local = 0;
    /* Rusticl of Mesa 22.3 answers 32 items for every kernel, and counts what is private as local: neither is a limit. */
    const bool knows = strcmp(device->info.platform, "rusticl") != 0;
    if (!knows ||
        clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof items, &items, NULL) != CL_SUCCESS || !items)
        items = device->info.max_work_group;
    if (!knows || clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL) != CL_SUCCESS)
        local = 0;
    return (vq_kernel_limits){items, (size_t)local};
}

vq_kernel_limits vq_program_limits(vq_device *device, const char *stem, const char *options) {
    enum { MOST_KERNELS = 32 };
    const vq_kernel_limits none = {SIZE_MAX, 0};
    char full[900];
    program *p;
    if (prepare(device, full, stem, options) < 0 || find_program(device, &p, stem, full) < 0)
        return none;
    if (!p->limited) {
        cl_kernel kernels[MOST_KERNELS];
        cl_uint count = 0;
        p->limited = true;
        p->limits = none;
        if (clCreateKernelsInProgram(p->program, MOST_KERNELS, kernels, &count) != CL_SUCCESS)
            count = 0;
        for (cl_uint i = 0; i < count; i++) {
            const vq_kernel_limits one = limits_of(device, kernels[i]);
            p->limits.items = one.items < p->limits.items ? one.items : p->limits.items;
            p->limits.local_bytes = one.local_bytes > p->limits.local_bytes ? one.local_bytes : p->limits.local_bytes;
            clReleaseKernel(kernels[i]);
        }
    }
    return p->limits;
}

vq_status vq_kernel_get(vq_device *device, vq_kernel **out, const char *stem, const char *name, const char *options) {
    char key[1024], full[900];
    VQ_TRY(prepare(device, full, stem, options));
    snprintf(key, sizeof key, "%s %s %s", stem, name, full);
    vq_kernel **link = &device->kernels->kernels;
    for (; *link; link = &(*link)->next)
        if (strcmp((*link)->key, key) == 0) {
            *out = *link;
            return VQDNA_OK;
        }
    program *p = NULL;
    VQ_TRY(find_program(device, &p, stem, full));
    vq_kernel *k;
    VQ_TRY(vq_alloc(&k, 1, sizeof *k));
    cl_int err;
    k->kernel = clCreateKernel(p->program, name, &err);
    k->key = strdup(key);
    if (err != CL_SUCCESS || !k->key) {
        free(k->key);
        free(k);
        return vq_fail(VQDNA_ERR_DEVICE, "%s.cl has no kernel %s (OpenCL error %d)", stem, name, (int)err);
    }
    k->limits = limits_of(device, k->kernel);
    *link = k;
    *out = k;
    return VQDNA_OK;
}

vq_kernel_limits vq_kernel_limits_of(const vq_kernel *kernel) {
    return kernel->limits;
}

cl_kernel vq_kernel_handle(const vq_kernel *kernel) {
    return kernel->kernel;
}

const char *vq_kernel_key(const vq_kernel *kernel) {
    return kernel->key;
}

void vq_kernel_table_destroy(vq_device *device) {
    vq_kernel_table *t = device->kernels;
    if (!t)
        return;
    for (vq_kernel *k = t->kernels, *next; k; k = next) {
        next = k->next;
        clReleaseKernel(k->kernel);
        free(k->key);
        free(k);
    }
    for (program *p = t->programs, *next; p; p = next) {
        next = p->next;
        clReleaseProgram(p->program);
        free(p->key);
        free(p);
    }
    free(t);
    device->kernels = NULL;
}

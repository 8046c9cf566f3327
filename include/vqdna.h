/* vqdna: learn the genome's own vocabulary on any OpenCL device.
 *
 * Four handles: a context (one device with its kernels), a dataset (sequences to sample training windows from), a tokenizer (the
 * model) and a trainer. The caller owns the training loop. This header is the manual.
 *
 * Conventions. Every function that can fail returns a vqdna_status: 0, a negative failure, or VQDNA_END; after a failure
 * vqdna_last_error() holds one sentence. `T **out` is set on success only and is yours to destroy; a returned pointer is borrowed.
 * destroy functions take NULL. In an options struct zero means default, and a NULL options pointer means all defaults. Its first
 * field is its size: set it to sizeof the struct, so that a library of later years knows which fields there are; 0 stands for the
 * fields of version 0.1. Coordinates are 0-based. The library never prints and never exits.
 *
 * Threads. A handle may be used from one thread at a time, but for a context: any number of its tokenizers and trainers may be used
 * from any number of threads, and wait for one another, for a device does one thing at a time. A callback runs on its caller's
 * thread and may call back; it must not wait for a thread that uses the same context. A dataset to which nothing is added may serve
 * several trainers. Contexts are independent of each other. */
#ifndef VQDNA_H
#define VQDNA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VQDNA_API __attribute__((visibility("default")))
#else
#define VQDNA_API
#endif

/* ---- Status ------------------------------------------------------------------------------------------------------------------ */

typedef enum vqdna_status {
    VQDNA_OK = 0,
    VQDNA_END = 1,              /* nothing more to come: not a failure */
    VQDNA_ERR_USAGE = -1,       /* an argument or option is wrong */
    VQDNA_ERR_INPUT = -2,       /* an input file is missing, damaged or not what it should be */
    VQDNA_ERR_OUTPUT = -3,      /* an output could not be written */
    VQDNA_ERR_DEVICE = -4,      /* no usable OpenCL device, or the device or its compiler failed */
    VQDNA_ERR_MEMORY = -5,      /* the host's or the device's memory does not suffice */
    VQDNA_ERR_NUMERIC = -6,     /* a loss or a weight is not finite, or a kernel's answer is wrong */
    VQDNA_ERR_INTERRUPTED = -7, /* a callback asked to stop */
} vqdna_status;

/* The calling thread's last error: one sentence without a newline, "" if none. Valid until the thread's next failure. */
VQDNA_API const char *vqdna_last_error(void);

/* "0.1.0" */
VQDNA_API const char *vqdna_version(void);

/* For messages: the entry of `names` [count] that a misspelt word may mean, by edit distance; NULL if none is near. */
VQDNA_API const char *vqdna_nearest(const char *word, const char *const *names, size_t count);

/* One line that names the libraries at work ("OpenCL loader 3.0, CLBlast 1.5.3, zlib 1.2.13, jansson 2.14"). */
VQDNA_API const char *vqdna_libraries(void);

typedef enum vqdna_message_level { VQDNA_WARNING = 0, VQDNA_INFO = 1, VQDNA_DEBUG = 2 } vqdna_message_level;
typedef void (*vqdna_message_fn)(void *user, vqdna_message_level level, const char *text);

/* Sets who hears warnings and notes, for the whole process; NULL: nobody. */
VQDNA_API void vqdna_set_message_handler(vqdna_message_fn fn, void *user);

/* ---- Outputs ----------------------------------------------------------------------------------------------------------------- */

/* Every file of the library appears whole or not at all, and so can yours. The bytes go to a temporary file beside the output, which
 * is locked while its process lives and removed by the next output to the same name if it died; commit renames it. Links are
 * followed, and what they point to is replaced; the mode of a file that is replaced stays. A file that cannot be replaced but written
 * (mounted into a container; in a folder that takes no new file) receives a copy at the end. "-", /dev/stdout, pipes and devices are
 * written directly. Failures are VQDNA_ERR_OUTPUT. */
typedef struct vqdna_output vqdna_output;

VQDNA_API vqdna_status vqdna_output_open(vqdna_output **out, const char *path);

/* Where to write; not yours to close. */
VQDNA_API int vqdna_output_fd(const vqdna_output *output);

/* Puts `count` outputs in place: all are on the disk before the first appears. Destroys them, also after a failure. */
VQDNA_API vqdna_status vqdna_outputs_commit(vqdna_output *const *outputs, size_t count);

/* Leaves everything as it was before, and destroys. */
VQDNA_API void vqdna_output_discard(vqdna_output *output);

/* Removes the temporary files of all outputs under way, the library's own too. Only for a signal handler that then ends the process:
 * async-signal-safe, and no output can be committed after it. */
VQDNA_API void vqdna_outputs_discard(void);

/* The names of the files in a model's folder, NULL behind the last. */
VQDNA_API const char *const *vqdna_model_files(void);

/* Takes a folder for a training: another process, or another lock of this one, is refused with VQDNA_ERR_OUTPUT until it is unlocked
 * or this process ends, however it ends. Also removes what dead processes left half-written in it. vqdna_trainer_checkpoint and
 * vqdna_tokenizer_save write to any folder that no other process has taken; they take it while they write. Reading needs no lock:
 * files appear whole. */
typedef struct vqdna_lock vqdna_lock;
VQDNA_API vqdna_status vqdna_folder_lock(vqdna_lock **out, const char *path);
VQDNA_API void vqdna_folder_unlock(vqdna_lock *lock);

/* ---- Devices and context ----------------------------------------------------------------------------------------------------- */

typedef struct vqdna_device_info {
    int index;          /* what --device takes */
    char platform[128]; /* "Portable Computing Language"; a platform without devices has an entry with an empty name */
    char platform_version[128];
    char name[128], vendor[128], version[128], driver[128];
    char type[16];                                  /* "cpu", "gpu", "accelerator" or "" */
    char family[8];                                 /* the shape of kernels used there: "cpu" or "gpu" */
    unsigned compute_units, clock_mhz, float_width; /* of a context, the compute units it has taken */
    uint64_t max_work_group, local_bytes, global_bytes, max_allocation;
    bool fp64;
    bool usable;      /* can run vqdna at all */
    bool chosen;      /* the one a context would use for the given selector */
    char reason[256]; /* why chosen, or why not usable; "" otherwise */
} vqdna_device_info;

/* Lists every platform and device. `selector` as in vqdna_context_options.device. No device at all is OK with *count 0 or
 * platform-only entries. *out is freed by vqdna_devices_free. */
VQDNA_API vqdna_status vqdna_devices(vqdna_device_info **out, size_t *count, const char *selector);
VQDNA_API void vqdna_devices_free(vqdna_device_info *devices);

typedef struct vqdna_context vqdna_context;

typedef struct vqdna_context_options {
    size_t size;        /* sizeof(vqdna_context_options) */
    const char *device; /* index, part of a name (case ignored), "cpu" or "gpu"; NULL: $VQDNA_DEVICE, then the best one */
    int threads;        /* cores of a CPU device to use; 0: all */
} vqdna_context_options;

/* Opens one device. VQDNA_ERR_DEVICE if there is no platform, or no device fits the selector. */
VQDNA_API vqdna_status vqdna_context_create(vqdna_context **out, const vqdna_context_options *options);
VQDNA_API void vqdna_context_destroy(vqdna_context *context);
VQDNA_API const vqdna_device_info *vqdna_context_device(const vqdna_context *context);

/* The operations that run with plain kernels, "gemm,assign": the fast ones gave wrong answers on this device when it was first used,
 * or cannot run, or $VQDNA_PLAIN asks for it. "" if there is none. Codes then may differ where two are as near. Lives with the
 * context; the creation of a trainer may add to it. */
VQDNA_API const char *vqdna_plain_operations(const vqdna_context *context);

/* One line of the self-test: an operation at one shape against its double-precision reference. error is the largest deviation in
 * units of the tolerance: above 1 (or NaN) is a failure. */
typedef struct vqdna_check {
    const char *operation, *shape;
    double error;
    bool passed;
    const char *message; /* of a launch that failed or a check that was skipped, else "" */
    bool skipped;        /* not run, as it would take minutes on this device; passed is true then */
} vqdna_check;
typedef void (*vqdna_check_fn)(void *user, const vqdna_check *check);

/* Runs every operation on the device with known answers, and writes the verdict of its first use anew. OK if all passed;
 * VQDNA_ERR_DEVICE if one did not. */
VQDNA_API vqdna_status vqdna_selftest(vqdna_context *context, vqdna_check_fn fn, void *user);

/* ---- Inputs ---------------------------------------------------------------------------------------------------------------------- */

/* What is taken of the files a function reads. They are FASTA or FASTQ, or tables (CSV, TSV) of which a column holds sequences: those
 * named .csv or .tsv (.gz), or all if a column is named. A row's name is that of its column "name" or "id", else its number from 1. */
typedef enum vqdna_ambiguous {
    VQDNA_AMBIGUOUS_MASK,   /* letters but A C G T are unknown bases in their place */
    VQDNA_AMBIGUOUS_SKIP,   /* they are left out: a record is cut there */
    VQDNA_AMBIGUOUS_REFUSE, /* they are VQDNA_ERR_INPUT */
} vqdna_ambiguous;

typedef enum vqdna_strand { VQDNA_STRAND_PLUS, VQDNA_STRAND_MINUS, VQDNA_STRAND_BOTH } vqdna_strand;

/* What is less than a record is one of its own, named as samtools names a region ("chr1:11-20", counted from 1), with "/rc" behind it
 * for the reverse complement. What is cut or reversed takes a byte of memory a base of its longest stretch. */
typedef struct vqdna_input_options {
    size_t size;        /* sizeof(vqdna_input_options) */
    const char *column; /* of a table; NULL: "sequence" */
    /* A file of BED, GFF3 or GTF: only these parts of the files, which are FASTA indexed by samtools faidx; on the strand it tells. */
    const char *intervals;
    const char *const *regions; /* [region_count]: the same for "chr20:1-5000" or "chr20" */
    size_t region_count;
    vqdna_ambiguous ambiguous;
    bool skip_soft_masked; /* lower-case letters are left out, too */
    vqdna_strand strand;   /* to read instead of what stands there, or first what stands there and then the other */
    /* Above 0: each window of so many bases is a record of its own, named contig:start-end as BED counts; one begins every `step` bases (0:
     * the window), and the last ends where its record does. A shorter record is one window. */
    size_t window, step;
} vqdna_input_options;

/* ---- Dataset ----------------------------------------------------------------------------------------------------------------- */

/* Sequences for training. Files are plain, gzip or bgzip, told by content; "-" is standard input; no URL is opened.
 * Bases are A C G T (U reads as T, lower case as upper case); every other IUPAC letter, '*' and '-' is an unknown base, kept in its
 * place. The bases are kept in an unlinked temporary file under $TMPDIR, so resident memory does not grow with them. */
typedef struct vqdna_dataset vqdna_dataset;

typedef struct vqdna_dataset_info {
    size_t files, contigs;
    uint64_t bases, unknown; /* all positions, and those among them that are not A C G T */
} vqdna_dataset_info;

VQDNA_API vqdna_status vqdna_dataset_create(vqdna_dataset **out);
VQDNA_API void vqdna_dataset_destroy(vqdna_dataset *dataset);

/* Reads a file, or files of which `input` (may be NULL) says what is taken, into the dataset. VQDNA_ERR_INPUT names file, record and line
 * of what is wrong; the dataset is then as it was before. */
VQDNA_API vqdna_status vqdna_dataset_add(vqdna_dataset *dataset, const char *path);
VQDNA_API vqdna_status vqdna_dataset_add_files(vqdna_dataset *dataset, const char *const *paths, size_t count,
                                               const vqdna_input_options *input);
VQDNA_API vqdna_dataset_info vqdna_dataset_describe(const vqdna_dataset *dataset);

/* ---- Tokenizer --------------------------------------------------------------------------------------------------------------- */

typedef struct vqdna_tokenizer vqdna_tokenizer;

/* The model. preset gives every other field its default. */
typedef struct vqdna_model_options {
    size_t size;           /* sizeof(vqdna_model_options) */
    const char *preset;    /* "tiny", "small", "base"; NULL: "tiny" */
    const char *quantizer; /* "hrq" (levels codebooks) or "vq" (one, on the last block); NULL: "hrq" */
    int dim, stem, blocks; /* code dimension, stem width, blocks of the encoder and of the decoder */
    int codes;             /* K: vq has K codes, level n of hrq K 2^n */
    int levels;            /* of hrq; default 2 */
    int decoder_stride;    /* the decoder sees one code in so many, at a random phase in training; default 1: all */
} vqdna_model_options;

enum { VQDNA_MAX_LEVELS = 8 };

typedef struct vqdna_model_info {
    char preset[16], quantizer[8];
    int dim, stem, blocks, levels, decoder_stride;
    int codes[VQDNA_MAX_LEVELS], taps[VQDNA_MAX_LEVELS]; /* of each level; taps count blocks from 1 */
    int receptive_field;                                 /* bases a code of the last level depends on */
    uint64_t parameters;                                 /* of the network and its codebooks */
    uint64_t step;                                       /* training steps behind it */
} vqdna_model_info;

/* A new model with random weights drawn from `seed`. It cannot tokenize before it was trained. */
VQDNA_API vqdna_status vqdna_tokenizer_create(vqdna_tokenizer **out, vqdna_context *context, const vqdna_model_options *options,
                                              uint64_t seed);

/* Loads the folder `path`: config.json and model.safetensors; without the former, a model.safetensors as PyTorch leaves it. The
 * context must outlive the tokenizer. */
VQDNA_API vqdna_status vqdna_tokenizer_open(vqdna_tokenizer **out, vqdna_context *context, const char *path);
VQDNA_API void vqdna_tokenizer_destroy(vqdna_tokenizer *tokenizer);

/* Writes config.json and model.safetensors into the folder `path` (made if missing), each to a temporary name first. `provenance`
 * is a JSON object stored with them, or NULL. */
VQDNA_API vqdna_status vqdna_tokenizer_save(const vqdna_tokenizer *tokenizer, const char *path, const char *provenance);
VQDNA_API vqdna_model_info vqdna_tokenizer_describe(const vqdna_tokenizer *tokenizer);

/* Reads only config.json and the header of model.safetensors: needs no device. tensor() is called for each tensor, in file order;
 * may be NULL. */
typedef void (*vqdna_tensor_fn)(void *user, const char *name, const char *dtype, int rank, const uint64_t *shape, uint64_t bytes);
VQDNA_API vqdna_status vqdna_model_describe(const char *path, vqdna_model_info *out, vqdna_tensor_fn tensor, void *user);

/* The kind of the model in a folder: "vqdna-tokenizer", "vqdna-pretrain", "vqdna-classify", "vqdna-regress"; "" where no config.json says. And
 * its tensors, in file order. */
VQDNA_API vqdna_status vqdna_model_kind(const char *path, char kind[24]);
VQDNA_API vqdna_status vqdna_model_tensors(const char *path, vqdna_tensor_fn tensor, void *user);

/* Says what a file is by its first bytes (512 are enough) and what reads it, for kinds that are often given by mistake: "a.zst is
 * compressed by zstd: zstd -dc a.zst | vqdna ... -". False, and nothing written, for what it does not know. */
VQDNA_API bool vqdna_explain_file(char *out, size_t room, const char *path, const void *head, size_t bytes);

/* What a stream of sequences held. */
typedef struct vqdna_stream_stats {
    uint64_t records, bases, unknown; /* unknown is part of bases */
    uint64_t left_out;                /* bases that are not part of it */
    double seconds;
} vqdna_stream_stats;

/* A run of consecutive bases of one record. Runs of a record come in order and without gaps; `last` ends it. An empty record is one
 * run of count 0. The arrays are borrowed until the callback returns. */
typedef struct vqdna_codes {
    const char *contig; /* name: the header up to the first white space */
    uint64_t start;     /* of the run in the record */
    size_t count;
    int levels;
    const uint16_t *codes; /* [count][levels] */
    const uint8_t *bases;  /* [count]: 0 1 2 3 for A C G T, 4 unknown; of a source only the 4 counts, and NULL is none of them */
    bool last;
} vqdna_codes;

typedef struct vqdna_stream_options {
    size_t size;                      /* sizeof(vqdna_stream_options) */
    const vqdna_input_options *input; /* what is taken of the files; NULL: all of it as it is */
    size_t read_bytes;                /* size of a read from the file; 0: 256 KiB. Never changes the result */
    int batch; /* rows (bases) the device takes at once; 0: chosen by the device. Never changes the result on a CPU device */
    /* vqdna_detokenize, vqdna_evaluate: the decoder sees the codes of the bases whose place in their record is phase modulo every; 0: as
     * it was trained, 1: all. With a warning where it was trained otherwise. */
    uint64_t every, phase;
    /* vqdna_tokenize: this slice of all bases, counted over all records, as if it were cut from the whole; bases 0: to the end. What it
     * begins or ends with may be less than a record. */
    uint64_t first, bases;
    int (*interrupted)(void *user); /* asked now and then; non-zero stops with VQDNA_ERR_INTERRUPTED */
    void (*progress)(void *user, const vqdna_stream_stats *stats); /* told now and then */
    void *user;                                                    /* for both */
} vqdna_stream_options;

/* Receives a run of codes; a status other than VQDNA_OK stops the stream and is returned, as by every sink, with no sentence but its own. */
typedef vqdna_status (*vqdna_codes_sink)(void *user, const vqdna_codes *run);

/* Fills `run`, all zero before, with the next run of codes, borrowed until the next call; VQDNA_END after the last. */
typedef vqdna_status (*vqdna_codes_source)(void *user, vqdna_codes *run);

typedef vqdna_status (*vqdna_bases_sink)(void *user, const char *contig, uint64_t start, const char *bases, size_t count,
                                         bool last);

/* Codes of every base of every record of `count` files, in order. Memory does not depend on the input's length. Of
 * stretches that come again with the same neighbours, among the last 16 M bases or so, only the first goes to the device. stats may be
 * NULL. */
VQDNA_API vqdna_status vqdna_tokenize(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count,
                                      const vqdna_stream_options *options, vqdna_codes_sink sink, void *user,
                                      vqdna_stream_stats *stats);

/* Vectors in place of codes, D numbers a base (or D a level): those of the codebook, or what the encoder gives before it is quantized. */
typedef enum vqdna_pool { VQDNA_POOL_MEAN, VQDNA_POOL_MAX, VQDNA_POOL_NONE } vqdna_pool;

typedef struct vqdna_embed_options {
    size_t size;       /* sizeof(vqdna_embed_options) */
    vqdna_pool pool;   /* over a record's known bases, or none: a vector a base, unknown ones too */
    bool from_encoder; /* what the encoder gives a level, else vectors of the codes */
    int level;         /* counted from 1; 0: the mean of all levels' codes, which the decoder sees, or the encoder's last */
    bool all_levels;   /* side by side */
} vqdna_embed_options;

/* Rows of one record, in order: one for it if they are pooled. `vectors` is [count][width], borrowed. */
typedef struct vqdna_vectors {
    const char *contig;
    uint64_t start; /* of the rows, counted in bases; 0 if they are pooled */
    size_t count;
    int width;
    const float *vectors;
    uint64_t bases, known; /* of the record so far, and of them A, C, G or T; without any the pooled row is zero */
    bool last;
} vqdna_vectors;
typedef vqdna_status (*vqdna_vectors_sink)(void *user, const vqdna_vectors *run);

/* Either options may be NULL. VQDNA_ERR_USAGE for a level that there is not. */
VQDNA_API vqdna_status vqdna_embed(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count,
                                   const vqdna_stream_options *options, const vqdna_embed_options *embed, vqdna_vectors_sink sink,
                                   void *user, vqdna_stream_stats *stats);

/* What vqdna_tokenize would be given: records, bases and unknown ones, in `stats`. Needs no device. */
VQDNA_API vqdna_status vqdna_measure(const char *const *paths, size_t count, const vqdna_stream_options *options,
                                     vqdna_stream_stats *stats);

/* Letters the decoder gives for a stream of codes: A C G T, and N where the run's `bases` say unknown. VQDNA_ERR_INPUT for a code
 * outside its codebook or a run out of order. */
VQDNA_API vqdna_status vqdna_detokenize(vqdna_tokenizer *tokenizer, const vqdna_stream_options *options, vqdna_codes_source source,
                                        vqdna_bases_sink sink, void *user, vqdna_stream_stats *stats);

/* The same for one sequence in memory: letters, any of a FASTA's, to codes[count][levels], one a level and letter, those of unknown
 * bases too; and codes to the `count` letters A C G T the decoder gives (no 0 is put behind them). Codes do not tell an unknown
 * base: who needs them back keeps their places. Work follows the length. */
VQDNA_API vqdna_status vqdna_encode(vqdna_tokenizer *tokenizer, const char *bases, size_t count, uint16_t *codes);

/* Many sequences at once, for a call for each short one would leave a device idle: bases[i] are counts[i] letters, codes[i]
 * [counts[i]][levels]. */
VQDNA_API vqdna_status vqdna_encode_batch(vqdna_tokenizer *tokenizer, size_t sequences, const char *const *bases,
                                          const size_t *counts, uint16_t *const *codes);
VQDNA_API vqdna_status vqdna_decode(vqdna_tokenizer *tokenizer, const uint16_t *codes, size_t count, char *bases);

typedef struct vqdna_metrics {
    double reconstruction_accuracy;   /* of bases that are A C G T */
    double cross_entropy;             /* nats a base, of the same */
    uint64_t correct, bases, skipped; /* bases includes the skipped ones, those not A C G T */
    uint64_t left_out;                /* by the input's options */
    int levels;
    struct {
        int codes, used;   /* size of the codebook, codes met at least once */
        double perplexity; /* exp of the entropy of the codes' frequencies */
    } level[VQDNA_MAX_LEVELS];
    double seconds, bases_per_second;
} vqdna_metrics;

/* Encodes and decodes every record of `count` files and compares. Unknown bases count in neither accuracy nor code use; nothing but
 * unknown ones is VQDNA_ERR_INPUT. */
VQDNA_API vqdna_status vqdna_evaluate(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count,
                                      const vqdna_stream_options *options, vqdna_metrics *out);

/* ---- Training ---------------------------------------------------------------------------------------------------------------- */

/* Zero means default, so a value of exactly zero is given as VQDNA_ZERO where zero makes sense. */
#define VQDNA_ZERO (-1.0)

typedef struct vqdna_train_options {
    size_t size;       /* sizeof(vqdna_train_options) */
    uint64_t seed;     /* at most 2^53; 0: 1 */
    int window, batch; /* bases of a window (default 256 for tiny, 512 else) and windows of a step (16) */
    uint64_t steps;    /* default: 1000 unless epochs or seconds is given */
    double epochs;     /* steps so that each base is expected this often */
    double seconds;    /* or train so long; the schedule follows the clock, so two runs differ */
    double learning_rate, beta1, beta2, weight_decay, final_rate; /* 1e-3 (tiny), 0.9, 0.95, 0.01, 0.05 of the peak at the end */
    int warmup;                                                   /* steps: 50 */
    double clip;                                                  /* global gradient norm: 1 */
    double commitment;                                            /* beta: 0.5 */
    double decay_first, decay_last; /* of the codebook's moving averages, linear over the run: 0.9, 0.99 */
    double laplace;                 /* epsilon of the smoothing: 1e-5 */
    double use_decay, expire; /* of the faster average of use: 0.9; a code under this share of its expected use is re-seeded: 0.1 */
    double unquantized;       /* steps at the start without the quantizer: none */
    int kmeans_batches, kmeans_rounds; /* of the codebook's start: 4 batches, 10 Lloyd rounds */
    bool forward_only;                 /* sample the given strand only; default both */
    int micro_batch;         /* windows the device takes at once; the gradients of a step's add up. Divides batch; default: all */
    bool decay_weights_only; /* no weight decay of norms and biases */
} vqdna_train_options;

/* Sets one option of either struct from text "key=value", the key being the field's name. The strings of `model` then point to
 * static names. Numbers are written as in C, whatever the program's locale. VQDNA_ERR_USAGE names the nearest key, or what the value
 * should be. */
VQDNA_API vqdna_status vqdna_set_option(vqdna_model_options *model, vqdna_train_options *train, const char *assignment);

/* What there is to set: the table that vqdna_set_option, --help and the manual go by. */
typedef struct vqdna_option {
    const char *key, *fallback, *help; /* "steps", "1000", a line on it */
    double least, most;                /* of a number; both 0 for a name or a flag */
    bool above;                        /* the least itself is too little */
    bool of_model;                     /* a field of vqdna_model_options */
} vqdna_option;

/* The option of an index, counted from 0; NULL past the end. */
VQDNA_API const vqdna_option *vqdna_option_at(size_t index);

typedef struct vqdna_trainer vqdna_trainer;

typedef enum vqdna_number_kind { VQDNA_REAL, VQDNA_COUNT, VQDNA_SHARE, VQDNA_FLAG } vqdna_number_kind;

/* One number of a report, with what is needed to show it without knowing it. Texts are borrowed; NULL: none. */
typedef struct vqdna_number {
    const char *name; /* "loss"; "levels.0.used" is member used of the first entry of the list levels */
    double value;     /* since the last report; a flag's is 0 or 1 */
    vqdna_number_kind kind;
    double of;         /* what it is a part of, such as a codebook's size; 0: of nothing */
    const char *label; /* in a summary: "level 1 codes used" */
    const char *unit;  /* "nats a base"; of a share or a part, what it is a share of */
    const char *brief; /* the word before it on a progress line; NULL: it is not there */
    const char *panel; /* the picture it is a curve of, "Codes in use"; NULL: none */
    const char *curve; /* its name there: "level 1" */
} vqdna_number;

typedef struct vqdna_report {
    uint64_t step, steps;        /* done, and planned (0: by the clock) */
    double progress;             /* of the run, 0 to 1 */
    double seconds_left;         /* at the pace since the last report */
    const vqdna_number *numbers; /* [count], in the order of the log: borrowed until the trainer's next report */
    size_t count;
} vqdna_report;

/* The value of a name, NaN if the report has none such. A tokenizer's report has
 *     step, steps, bases               done, planned, and seen in all
 *     loss, cross_entropy, commitment  nats a base; loss = cross_entropy + beta commitment
 *     reconstruction_accuracy          of bases that are A C G T, as all means here
 *     quantized                        0 during the unquantized start
 *     levels.N.codes, .used, .reseeded, .perplexity
 *     gradient_norm, learning_rate, decay, seconds, bases_per_second */
VQDNA_API double vqdna_report_value(const vqdna_report *report, const char *name);

/* The tokenizer, the dataset and the context must outlive the trainer. Allocates everything training needs. A tokenizer that has codes
 * is trained further and keeps its vocabulary: k-means is for new ones. VQDNA_ERR_INPUT for a dataset without a known base. */
VQDNA_API vqdna_status vqdna_trainer_create(vqdna_trainer **out, vqdna_tokenizer *tokenizer, const vqdna_dataset *dataset,
                                            const vqdna_train_options *options);

/* Goes on from the last checkpoint in the folder `path`, with the options stored there (and its model, which *tokenizer becomes:
 * destroy it after the trainer). The dataset must hold the same sequences in the same order: VQDNA_ERR_INPUT if its fingerprint
 * differs. */
VQDNA_API vqdna_status vqdna_trainer_resume(vqdna_trainer **out, vqdna_tokenizer **tokenizer, vqdna_context *context,
                                            const vqdna_dataset *dataset, const char *path);
VQDNA_API void vqdna_trainer_destroy(vqdna_trainer *trainer);

/* Whether the trainer goes by an option, "key=value" as for vqdna_set_option: VQDNA_ERR_USAGE, and a sentence, if it has another
 * value. Of use after resume, which goes by the stored ones. */
VQDNA_API vqdna_status vqdna_trainer_check_option(const vqdna_trainer *trainer, const char *assignment);

/* One step: sample a batch, forward, backward, optimizer, codebook. Enqueues work; only the codebooks' start waits for it. VQDNA_END, and nothing done, after the
 * last. */
VQDNA_API vqdna_status vqdna_trainer_step(vqdna_trainer *trainer);

/* Waits for the device and reads the means since the last report. VQDNA_ERR_NUMERIC if the loss is not finite. peek looks at them and
 * lets them go on, so that it changes no report. */
VQDNA_API vqdna_status vqdna_trainer_report(vqdna_trainer *trainer, vqdna_report *out);
VQDNA_API vqdna_status vqdna_trainer_peek(vqdna_trainer *trainer, vqdna_report *out);

/* Writes trainer.safetensors (all that resuming needs, the sums since the last report among it), trainer.json, model.safetensors and
 * config.json into the folder `path`. */
VQDNA_API vqdna_status vqdna_trainer_checkpoint(vqdna_trainer *trainer, const char *path, const char *provenance);

/* One line of the memory plan: a tensor, its role ("param", "frozen", "grad", "moment", "state", "sums", "saved", "scratch", "input")
 * and where it lies; the tensors of the codebooks' start, "start...", are let go after it. */
typedef void (*vqdna_plan_fn)(void *user, const char *name, const char *role, int rank, const size_t *shape, size_t bytes, int slab,
                              size_t offset);

typedef struct vqdna_plan_summary {
    size_t device_bytes, device_limit; /* needed, and what the device has */
    int largest_batch;                 /* windows of this length that fit in a step; 0: not even one */
} vqdna_plan_summary;

/* The device memory that a training's tensors would need at most, without allocating it; the driver and kernels take some besides.
 * `fn`, which may be NULL, gets every tensor and `out` is filled also when that does not fit: then VQDNA_ERR_MEMORY, whose sentence
 * says what is too large. */
VQDNA_API vqdna_status vqdna_training_plan(vqdna_context *context, const vqdna_model_options *model,
                                           const vqdna_train_options *train, vqdna_plan_fn fn, void *user, vqdna_plan_summary *out);

/* ---- Codebook ---------------------------------------------------------------------------------------------------------------- */

/* What codes mean on some sequences: how often each is met, and the bases around it. Codes come as a stream does:
 *     vqdna_tokenize(tokenizer, paths, count, options, vqdna_codebook_add, codebook, NULL)
 * Positions whose own base is unknown count nowhere. */
typedef struct vqdna_codebook vqdna_codebook;

typedef struct vqdna_codebook_level {
    int codes, used;
    double entropy, perplexity; /* bits a base; 2^entropy */
    const uint64_t *counts;     /* [codes] */
    /* Mutual information in bits of the code and the base at each offset from -reach to reach [2 reach + 1]: 2 is all there is to know of
     * a base. The plug-in estimate less its bias to first order (Miller 1955), and that bias. */
    const double *information, *bias;
    double of_first; /* mutual information in bits with the code of level 1 at the same base; NaN: of level 1, or not known */
} vqdna_codebook_level;

typedef struct vqdna_codebook_report {
    int levels, reach; /* bases on either side that a code of the last level depends on */
    uint64_t bases, unknown, records;
    vqdna_codebook_level level[VQDNA_MAX_LEVELS];
    const double *joint, *joint_bias; /* of all levels' codes together; NULL: one level, or > 262,144 combinations */
} vqdna_codebook_report;

VQDNA_API vqdna_status vqdna_codebook_create(vqdna_codebook **out, const vqdna_tokenizer *tokenizer);
VQDNA_API void vqdna_codebook_destroy(vqdna_codebook *codebook);

/* A vqdna_codes_sink; `codebook` is one. */
VQDNA_API vqdna_status vqdna_codebook_add(void *codebook, const vqdna_codes *run);

/* VQDNA_ERR_INPUT if no base was known. What it points to lives until the next call with this codebook. */
VQDNA_API vqdna_status vqdna_codebook_read(vqdna_codebook *codebook, vqdna_codebook_report *out);

/* How often each of A C G T was met at each offset from -reach to reach of a code: [2 reach + 1][4]. Level and code from 0; NULL for
 * one that there is not. */
VQDNA_API const uint64_t *vqdna_codebook_motif(const vqdna_codebook *codebook, int level, int code);

/* What is special about the sequences that a codebook was made from: windows of 2,000 of their bases (of the mean record where that is shorter), the same shuffled so that every pair of
 * neighbours stays as frequent (Altschul and Erickson 1985), and their reverse complements. The p-values are two-sided, of Student's t over
 * windows (real less shuffled), times the number of codes or words that are tested (Bonferroni). */
typedef struct vqdna_survey_options {
    size_t size;              /* sizeof(vqdna_survey_options) */
    uint64_t bases;           /* about so many, evenly spread: 2,000,000 */
    uint64_t seed;            /* of the shuffling: 1 */
    const char *const *words; /* [word_count], in IUPAC's letters, 2 to 48: looked up on both strands */
    size_t word_count;
} vqdna_survey_options;

typedef struct vqdna_survey_code {
    uint64_t count, shuffled; /* how often it is met */
    double p;
    int partner;          /* the code that the same base most often has when the other strand is read; -1: it is not met */
    double partner_share; /* how often it is that one */
} vqdna_survey_code;

typedef struct vqdna_survey_word {
    uint64_t count, shuffled;
    double p;
    int level, code, place; /* from 0: the code that most of all means this word, at this place of it; code -1: none */
    double share, recall;   /* how often the code stands there in a word, and a word has it there */
} vqdna_survey_word;

typedef struct vqdna_survey {
    size_t windows;
    uint64_t bases;
    const vqdna_survey_code *level[VQDNA_MAX_LEVELS]; /* [codes] */
    const vqdna_survey_word *words;                   /* [word_count], in their order */
    size_t word_count;
    uint64_t changes;    /* windows that were changed in their middle: by them */
    double substitution; /* bases whose codes another base changes */
    double insertion;    /* share of the codes of the next 100 bases (of half a window) behind a base put in that stay */
} vqdna_survey;

/* The same inputs as before. VQDNA_ERR_INPUT with less than two windows. What *out points to lives until the next survey. */
VQDNA_API vqdna_status vqdna_codebook_survey(vqdna_codebook *codebook, vqdna_tokenizer *tokenizer, const char *const *paths,
                                             size_t count, const vqdna_stream_options *options, const vqdna_survey_options *survey,
                                             vqdna_survey *out);

/* What codes do at and within annotated features, read on their strands; after a survey, which tells what is expected. */
typedef enum vqdna_place {
    VQDNA_INSIDE,   /* more or less often than elsewhere */
    VQDNA_IN_PHASE, /* at bases 0, 1 or 2 of a codon more than at the others; of features of kind CDS */
    VQDNA_AT_START, /* at an offset from the first base, -50 to 50 */
    VQDNA_AT_END,   /* at an offset from the last base */
} vqdna_place;

typedef struct vqdna_finding {
    const char *kind; /* of feature */
    vqdna_place place;
    int offset; /* of VQDNA_AT_START, _AT_END and _IN_PHASE, else 0 */
    int level, code;
    uint64_t count;    /* of the code there */
    double enrichment; /* over what is expected */
    double p;          /* two-sided; times all that was tested. Features are the unit, so that what overlaps counts once */
} vqdna_finding;

/* Findings of p < 0.01, by p and then by enrichment. VQDNA_ERR_INPUT for an annotation of other sequences: one that names a contig that
 * there is not, or ends past its end. *findings lives until the next call. */
VQDNA_API vqdna_status vqdna_codebook_annotate(vqdna_codebook *codebook, vqdna_tokenizer *tokenizer, const char *const *paths,
                                               size_t count, const vqdna_stream_options *options, const char *annotation,
                                               const vqdna_finding **findings, size_t *found);

/* The control: a tokenizer of the same shape with random weights, whose codes k-means finds in a dataset. What a learned vocabulary
 * has more than this one, it has learned. */
VQDNA_API vqdna_status vqdna_tokenizer_untrained(vqdna_tokenizer **out, const vqdna_tokenizer *like, const vqdna_dataset *dataset,
                                                 uint64_t seed);

/* ---- Probe ------------------------------------------------------------------------------------------------------------------- */

/* What a vocabulary is worth to a linear reader: logistic regression (L2, the optimum of scikit-learn's) on features of labelled
 * sequences, the same for codes and for k-mers. Tables are CSV or TSV with a header, plain or gzip: a column of sequences, one of labels
 * (integers or words).
 *
 * Features, terms separated by commas:
 *     kmer:K            words of K <= 16 bases; kmer:K:canonical, a word and its reverse complement being one; kmer:K+J or
 *                       kmer:K+J:gap=G, K bases, any G (1), J bases
 *     onehot            the base at each place: kmer:1@1
 *     codes             codes of every level; codes:level=N, of one
 *     pairs:D           two codes of a level D bases apart; pairs:0, the codes of levels 1 and 2 at a base
 *     embedding:mean    vectors of the codes, the mean over levels, pooled over the sequence; or embedding:max
 *     encoder:mean      what the encoder gives the last level before it is quantized; or encoder:max
 *     random            codes of the untrained tokenizer of the same shape, its codes by k-means from the training sequences;
 *                       random:TERM, any of the terms above of it
 *     place:B           tags words and codes of all terms by the place of their first base, in bins of B bases; TERM@B, of one
 * A word or code counts once a sequence; with :frequency, by its share of the places. What holds an unknown base is left out, and what
 * is in one training sequence only. Terms are scaled to a mean square norm of 1 over the training sequences. */

/* Of one score over the seeds; low to high is the 95 % interval of a bootstrap over rows, the mean of the seeds'. */
typedef struct vqdna_score {
    double mean, sd, low, high;
} vqdna_score;

typedef struct vqdna_scores {
    vqdna_score mcc;      /* correlation of truth and prediction, any number of classes (Gorodkin 2004) */
    vqdna_score f1_macro; /* mean over classes of 2 tp / (2 tp + fp + fn) */
    vqdna_score accuracy;
} vqdna_scores;

typedef struct vqdna_probe_options {
    size_t size;                  /* sizeof(vqdna_probe_options) */
    const char *features;         /* "codes", or "kmer:6" without a tokenizer */
    const char *sequence, *label; /* names of the columns: "sequence", "label" */
    uint64_t seed;                /* the first of them: 1 */
    int seeds;                    /* 1; fewer are run where nothing depends on them: with dev, and no random feature */
    int resamples;                /* of the bootstrap: 1000 */
    double C;                     /* of the penalty 1 / (2 C) |w|^2; 0: the best on dev of 0.01, 0.1, ... 1000, until two
                                      in a row gain nothing */
    const char *svmlight; /* writes the features to this and .train.svm, .dev.svm, .test.svm (LIBSVM's text); NULL: does not */
    int (*interrupted)(void *user);             /* asked now and then; non-zero stops with VQDNA_ERR_INTERRUPTED */
    void (*progress)(void *user, double share); /* told now and then, 0 to 1 */
    void *user;                                 /* for both */
} vqdna_probe_options;

typedef struct vqdna_probe_report {
    size_t train, dev, test, features; /* rows, and columns, of the first seed */
    int classes;
    const char *const *labels; /* [classes]: numbers by value, else words in order */
    bool split;                /* dev is one training row in ten, drawn by the seed */
    int seeds;
    const double *C; /* [seeds]: chosen */
    double loss;     /* what the first seed's fit minimised: mean of -log p over training rows, and 1 / (2 C rows) |w|^2 */
    vqdna_scores scores_dev, scores_test;
    vqdna_scores lookup;          /* on test, of the label of the training row that shares most words of 8 bases: what leaks tell */
    size_t seen;                  /* test rows that stand in train, on either strand */
    const int *truth, *predicted; /* [test]: classes, of the first seed */
    double seconds;
} vqdna_probe_report;

typedef struct vqdna_probe_result vqdna_probe_result;

/* Trains on `train`, chooses C on `dev` (NULL: a part of train), scores `test` once. `tokenizer` may be NULL where the features are of
 * bases. VQDNA_ERR_INPUT names file and line: a column that is not there, a row of another length, one class only, a label in dev or
 * test that is met in no training row. *out is yours to destroy. */
VQDNA_API vqdna_status vqdna_probe(vqdna_probe_result **out, vqdna_tokenizer *tokenizer, const char *train, const char *dev,
                                   const char *test, const vqdna_probe_options *options);
VQDNA_API const vqdna_probe_report *vqdna_probe_read(const vqdna_probe_result *result);
VQDNA_API void vqdna_probe_destroy(vqdna_probe_result *result);

/* Two predictions of the same rows: the difference of their MCC, a minus b, with its 95 % interval and two-sided p over `resamples` (0:
 * 1000) of the rows, drawn alike for both (paired bootstrap). Classes are 0 to classes - 1. */
typedef struct vqdna_difference {
    double mcc, low, high, p;
} vqdna_difference;
VQDNA_API vqdna_status vqdna_scores_compare(vqdna_difference *out, const int *truth, const int *a, const int *b, size_t rows,
                                            int classes, int resamples, uint64_t seed);

/* ---- Maps -------------------------------------------------------------------------------------------------------------------- */

/* Records against each other: points or distances, neighbours, coordinates to look at, clusters, and how all this agrees with labels.
 * Features:
 *     codes[:level=N]                        the frequency of each code among a record's known bases, of all levels or one
 *     embedding:mean|max[:level=N]           vectors of the codes pooled over the record; encoder:mean|max, before they are quantized
 *     random, random:TERM                    codes, or any term above, of the untrained tokenizer of the same shape
 *     body:mean|max                          the last hidden states of a predictor's body, pooled over tokens at known bases; a record longer
 *                                            than its positions is read in equal parts, as few as fit
 *     kmer:K                                 the frequency of each word of K <= 6 bases
 *     mash[:K]                               the Mash distance of words of K (21) bases (10.1186/s13059-016-0997-x)
 *     hamming                                bases that differ, of aligned records of one length
 * Distances of points are Euclidean. Everything is a function of the input and the seed, on any number of threads. */
typedef struct vqdna_map vqdna_map;

typedef struct vqdna_map_options {
    size_t size;   /* sizeof(vqdna_map_options) */
    uint64_t seed; /* 1: of the untrained tokenizer and of t-SNE */
    int threads;   /* 0: all */
    int (*interrupted)(
        void *user); /* asked now and then by all that takes long on a map; non-zero stops with VQDNA_ERR_INTERRUPTED */
    void *user;
} vqdna_map_options;

/* What a feature is of: what it needs, and what it may share a pass over the input with. VQDNA_ERR_USAGE for one that there is not. */
typedef enum vqdna_map_source { VQDNA_MAP_BASES, VQDNA_MAP_TOKENIZER, VQDNA_MAP_UNTRAINED, VQDNA_MAP_BODY } vqdna_map_source;
VQDNA_API vqdna_status vqdna_map_source_of(vqdna_map_source *out, const char *feature);

struct vqdna_predictor; /* see vqdna_predictor_open */

/* Reads the records of `count` files and makes a map of each feature, maps [feature_count], each yours to destroy; of none after a failure.
 * Features of one model share one pass; those of bases have each their own, which is short. tokenizer and body, the latter for body:, NULL
 * where no feature needs them; a predictor's own tokenizer stands in for one that is NULL. Fewer than two records, one without a known
 * base, or for hamming one of another length: VQDNA_ERR_INPUT. Options and stats, of the last pass, may be NULL. */
VQDNA_API vqdna_status vqdna_map_create(vqdna_map **maps, const char *const *features, size_t feature_count,
                                        vqdna_tokenizer *tokenizer, struct vqdna_predictor *body, const char *const *paths,
                                        size_t count, const vqdna_stream_options *stream, const vqdna_map_options *options,
                                        vqdna_stream_stats *stats);
VQDNA_API void vqdna_map_destroy(vqdna_map *map);

typedef struct vqdna_map_info {
    size_t rows;
    const char *const *names; /* [rows] */
    int width;                /* of points; 0: there are distances alone */
    const float *points;      /* [rows][width]; all with the map */
} vqdna_map_info;
VQDNA_API vqdna_map_info vqdna_map_describe(const vqdna_map *map);

/* The nearest other records of each, nearest first, the first among equals: [rows][*k], until the next call. *k is how many are wanted, and
 * becomes how many there are a row: more, if more were found before, or all others. */
VQDNA_API vqdna_status vqdna_map_neighbours(vqdna_map *map, int *k, const int32_t **index, const float **distance);

/* The first two principal components [rows][2] and their shares of the variance [2]; *coordinates NULL where there are no points. */
VQDNA_API vqdna_status vqdna_map_components(vqdna_map *map, const float **coordinates, double share[2]);

typedef struct vqdna_layout_options {
    size_t size;                                /* sizeof(vqdna_layout_options) */
    double perplexity;                          /* 30; cut to a third of the other records */
    int iterations;                             /* 1000 */
    void (*progress)(void *user, double share); /* told now and then */
    void *user;
} vqdna_layout_options;

/* t-SNE (van der Maaten and Hinton 2008) from the neighbours, begun at the principal components: [rows][2], with the map. */
VQDNA_API vqdna_status vqdna_map_layout(vqdna_map *map, const vqdna_layout_options *options, const float **xy);

/* HDBSCAN (Campello et al. 2013) of the layout, which is made if it was not: a cluster of at least `least` records (0: 10), -1 for noise:
 * [rows], with the map. */
VQDNA_API vqdna_status vqdna_map_clusters(vqdna_map *map, int least, const int **cluster, int *count);

typedef struct vqdna_map_judgement {
    double purity;     /* share of 10 nearest neighbours, before any reduction, that have the record's label */
    double silhouette; /* mean over the records, before any reduction */
    double v_measure, homogeneity, completeness, adjusted_rand; /* of the clusters against the labels */
    double variation;                                           /* of information, over the log of the records: 0 is best */
    double noise;                                               /* share of records that are in no cluster */
    int clusters, labels;
    /* Of two labels with two records each, the lower a: the area under the ROC curve of (a record's mean distance to the others of b, less
     * that to those of a); NAN otherwise. */
    double auroc;
    size_t rows; /* with a label */
} vqdna_map_judgement;

/* Of `count` labellings at once, out [count], as going over all distances takes the time. labels [rows]: classes from 0; below 0: none. NAN
 * where something is not defined, as with one label only. */
VQDNA_API vqdna_status vqdna_map_judge(vqdna_map *map, const int *const *labels, size_t count, vqdna_map_judgement *out);

/* ---- Contrasts --------------------------------------------------------------------------------------------------------------- */

/* Two groups of aligned records: at which position which code tells them apart. */
typedef struct vqdna_contrast_row {
    uint64_t position;    /* from 0 */
    int level;            /* from 1 */
    uint16_t code[2];     /* the most frequent of group A, and of group B */
    uint64_t count[2][2]; /* [code][group]: records with it */
    uint64_t known[2];    /* records of the groups whose base is known there */
    double difference;    /* of a code's shares in the groups, the larger of the two codes' */
    double p;             /* Fisher's exact test, two-sided, corrected by the number of positions and levels (Bonferroni) */
} vqdna_contrast_row;

/* Positions that lie together: a changed base changes the codes of all whose receptive field it is in, as many on either side. */
typedef struct vqdna_contrast_call {
    uint64_t start, end; /* half-open; the middle is the best guess at the base */
    size_t rows;
    double difference, p; /* the largest and the smallest of its rows */
} vqdna_contrast_call;

typedef struct vqdna_contrast_options {
    size_t size;  /* sizeof(vqdna_contrast_options) */
    double least; /* difference of shares: 0.5 */
    double alpha; /* 0.01, of the corrected p */
    uint64_t gap; /* positions that may lie between two of a call: 0, the bases on either side that a code depends on, less one */
} vqdna_contrast_options;

typedef struct vqdna_contrast vqdna_contrast;

/* Compares the records of files a with those of files b. VQDNA_ERR_INPUT for records of different lengths, or fewer than two in a group. Of the
 * stream options all but `every` count; stream, options and stats may be NULL. */
VQDNA_API vqdna_status vqdna_contrast_create(vqdna_contrast **out, vqdna_tokenizer *tokenizer, const char *const *a, size_t a_count,
                                             const char *const *b, size_t b_count, const vqdna_stream_options *stream,
                                             const vqdna_contrast_options *options);
VQDNA_API void vqdna_contrast_destroy(vqdna_contrast *contrast);

typedef struct vqdna_contrast_report {
    uint64_t length;                /* of a record */
    size_t records[2];              /* of the groups */
    const vqdna_contrast_row *rows; /* [row_count], by position, then level; all with the contrast */
    size_t row_count;
    const vqdna_contrast_call *calls; /* [call_count], by position */
    size_t call_count;
} vqdna_contrast_report;
VQDNA_API vqdna_contrast_report vqdna_contrast_read(const vqdna_contrast *contrast);

/* ---- Predictors -------------------------------------------------------------------------------------------------------------- */

/* An encoder (a Transformer's, long convolutions, or both) over the tokens of a vocabulary, pooled, with a head: a classifier or a regression.
 * Vocabularies, by name:
 *     codes                a tokenizer's codes of each base, as its vectors, the levels' added; codes:fresh, vectors that are learned;
 *                          codes:tuned, learned from the tokenizer's; both take :pairs=D (1 to 64): beside them a vector, learned from
 *                          zero, of the hash of a base's codes and those D bases on, one of 65536: what single substitutions need
 *     onehot, conv:R       a base a token; the same behind a learned convolution of R bases (odd, 3 to 15)
 *     kmer:K               the word of K bases that begins at a base, 1 to 8
 *     ids:V                tokens made elsewhere, ids below V: sequences are rows of an array of them
 * codes and kmer take :stride=S, a token every S bases. */
typedef struct vqdna_predictor_options {
    size_t size;                    /* sizeof(vqdna_predictor_options) */
    const char *preset;             /* "tiny" (4 layers of 128 channels, 4 heads), "small" (6, 256, 8), "base" (12, 768, 12) */
    const char *vocabulary;         /* NULL: codes with a tokenizer, else conv:9 */
    int width, layers, heads, feed; /* feed: of the layers' inner part; default 4 width */
    int positions;                  /* bases of the longest sequence; default: of all at hand, at least 512 */
    bool post_norm;                 /* norms behind the residual sums, as in the first Transformers */
    const char *pool, *head;        /* "mean" or "max" over positions; "mlp" (one hidden layer) or "linear" */
    const char *mixer;              /* "attention", or "hyena": long convolutions, whose cost does not grow with the square of the
                                       length; or a list, one a layer from the lowest on: "hyena,hyena,attention" */
    /* A file of sequences whose relatives are told apart, with a vocabulary of :pairs=D: bases whose pairs of codes occur there are no tokens,
     * here or in predictions. A sequence that nothing is left of is one token that says nothing; its ends, whose neighbours the tokenizer
     * does not see, mostly stay. 30,000 bases take a third of the 65536 pairs, and 7 in 8 are the most. NULL: none, or with
     * vqdna_predictor_from the model's own. */
    const char *reference;
    bool reference_strands; /* bases whose pairs occur on its other strand too, for labels without a strand; twice as many pairs */
} vqdna_predictor_options;

/* Labelled sequences of a table (CSV or TSV with a header, plain or gzip), or of an array of token ids: X.npy, in NumPy's format, one dimension
 * of integers, and X.npy.tsv, its index: columns offset, count and label, split by tabs, with a line that names them. */
typedef struct vqdna_examples vqdna_examples;
typedef struct vqdna_examples_options {
    size_t size;                  /* sizeof(vqdna_examples_options) */
    const char *sequence, *label; /* names of the columns: "sequence", "label" */
    bool regression;              /* labels are numbers, not names of classes */
    size_t rows;                  /* keep so many, drawn by the seed; 0: all */
    uint64_t seed;                /* 1 */
} vqdna_examples_options;

typedef struct vqdna_examples_info {
    size_t rows, bases, longest; /* longest: bases of a sequence */
    int classes;                 /* 0: of a regression */
    const char *const *labels;   /* [classes], with the examples */
} vqdna_examples_info;

/* like: examples whose labels these are; one they do not have is VQDNA_ERR_INPUT, by line. NULL: the table's own, two at least. */
VQDNA_API vqdna_status vqdna_examples_read(vqdna_examples **out, const char *path, const vqdna_examples_options *options,
                                           const vqdna_examples *like);

/* Moves rows to *held, each by a draw of the seed, one in `share` on average. */
VQDNA_API vqdna_status vqdna_examples_split(vqdna_examples *examples, vqdna_examples **held, int share, uint64_t seed);
VQDNA_API vqdna_examples_info vqdna_examples_describe(const vqdna_examples *examples);
VQDNA_API void vqdna_examples_destroy(vqdna_examples *examples);

typedef struct vqdna_predictor vqdna_predictor;

/* A new model for the labels of `train`, weights drawn from the seed. longest: bases of the longest sequence it will be given, if longer
 * than those of train. The tokenizer (NULL: the vocabulary needs none) must outlive it. */
VQDNA_API vqdna_status vqdna_predictor_create(vqdna_predictor **out, vqdna_context *context, vqdna_tokenizer *tokenizer,
                                              const vqdna_examples *train, size_t longest, const vqdna_predictor_options *options,
                                              uint64_t seed);

/* Loads the folder `path`; with it, from its folder "tokenizer", the tokenizer whose codes it reads. VQDNA_ERR_INPUT if that is not the one
 * it was trained on. context NULL: to be described, and needs no device. */
VQDNA_API vqdna_status vqdna_predictor_open(vqdna_predictor **out, vqdna_context *context, const char *path);
VQDNA_API void vqdna_predictor_destroy(vqdna_predictor *predictor);

/* Writes config.json, model.safetensors and "tokenizer" into the folder, over a model that is there; provenance as for a tokenizer. While
 * it has a trainer, its weights are those that are kept so far, here and wherever it is used. */
VQDNA_API vqdna_status vqdna_predictor_save(vqdna_predictor *predictor, const char *path, const char *provenance);

/* Adapters and head alone, as one file that goes with the model of vqdna_predictor_from: a small part of it. VQDNA_ERR_USAGE unless the
 * predictor's trainer trains adapters (`lora`) on such a model. */
VQDNA_API vqdna_status vqdna_predictor_save_adapter(vqdna_predictor *predictor, const char *path, const char *provenance);

/* The folder `base` with such a file: the predictor that was saved. VQDNA_ERR_INPUT if the file is of another base. */
VQDNA_API vqdna_status vqdna_predictor_open_adapter(vqdna_predictor **out, vqdna_context *context, const char *base,
                                                    const char *adapter);

typedef struct vqdna_predictor_info {
    char kind[24], preset[16], vocabulary[48];
    int width, layers, heads, positions, classes;
    const char *const *labels;          /* [classes], with the predictor */
    const char *mixer;                  /* as in the options, with the predictor */
    uint64_t parameters, trained, step; /* trained: those that its trainer moves */
    int reference_pairs;                /* of the 65536 pairs of codes, those of its reference; 0: it has none */
} vqdna_predictor_info;
VQDNA_API vqdna_predictor_info vqdna_predictor_describe(const vqdna_predictor *predictor);

/* How a predictor is trained; a field of 0 is the default. */
typedef struct vqdna_finetune_options {
    size_t size;                             /* sizeof(vqdna_finetune_options) */
    uint64_t seed;                           /* 1: of the order of rows and of dropout */
    int batch;                               /* 32 sequences of a step */
    double epochs;                           /* 3 */
    uint64_t steps;                          /* in place of epochs */
    double learning_rate;                    /* 1e-3 at its peak, then half a cosine to final_rate of it */
    double final_rate;                       /* 0 */
    double warmup;                           /* 0.05 of the steps */
    double beta1, beta2, weight_decay, clip; /* 0.9, 0.98, 0.01 (of weights, not of norms and biases), 1 */
    double dropout;                          /* 0.1 */
    int evaluations;                         /* 1 an epoch, on dev; the weights that did best are kept */
    bool frozen;                             /* train the head alone */
    int lora;          /* rank of adapters of the products about the mixers, trained in place of the body's weights; 0: none */
    double lora_alpha; /* 16: they count alpha / rank times */
    bool lora_feed;    /* adapters of the products between mixers too */
    bool balanced;     /* weigh classes by one over their frequency */
    bool recompute;    /* of each layer keep its output alone, and compute the rest again in backward */
    int length_warmup; /* bases read of a sequence at the start, drawn anew each time, doubled at equal shares of the steps; 0: all */
    int micro_batch;   /* sequences the device takes at once; the gradients of a step's add up. Divides batch; default: all */
    double average;    /* share of a moving average of the weights that a step keeps, at most 1 - 10 / (9 + step): dev and the model
                        * kept are of that average, without dev from the last step on; 0: none */
    bool both_strands; /* labels have no strand: in training a sequence is read from either, drawn anew each time, and dev is
                        * scored by the mean over both; VQDNA_ERR_USAGE for ids, which have none */
} vqdna_finetune_options;

/* "key=value" into whichever struct has the key; and the table of keys, the model's first, NULL past the end. */
VQDNA_API vqdna_status vqdna_set_predictor_option(vqdna_predictor_options *predictor, vqdna_finetune_options *finetune,
                                                  const char *assignment);
VQDNA_API const vqdna_option *vqdna_predictor_option_at(size_t index);

/* A trainer of a predictor, for vqdna_trainer_step and the others. dev (NULL: none, the last weights are kept) chooses by the correlation of
 * truth and prediction (MCC; Pearson's r of a regression). Examples must outlive it; predictor and tokenizer are in use until it is destroyed,
 * when the predictor has the weights that were kept. Its report has "loss", "accuracy", "dev_mcc" (or "dev_r"). A checkpoint's
 * model.safetensors has the kept weights, its folder "tokenizer" the tokenizer. */
VQDNA_API vqdna_status vqdna_finetuner_create(vqdna_trainer **out, vqdna_predictor *predictor, const vqdna_examples *train,
                                              const vqdna_examples *dev, const vqdna_finetune_options *options);

/* What vqdna_finetuner_create would need of the device for sequences of up to `longest` bases, as of vqdna_training_plan, each base a token,
 * which with a reference few are; batches are counted in sequences. The tokenizer, which is there while tokens are made, comes besides. */
VQDNA_API vqdna_status vqdna_finetuner_plan(vqdna_predictor *predictor, size_t longest, const vqdna_finetune_options *options,
                                            vqdna_plan_fn fn, void *user, vqdna_plan_summary *out);
VQDNA_API vqdna_status vqdna_finetuner_resume(vqdna_trainer **out, vqdna_predictor **predictor, vqdna_context *context,
                                              const vqdna_examples *train, const vqdna_examples *dev, const char *path);

typedef struct vqdna_judge_options {
    size_t size;       /* sizeof(vqdna_judge_options) */
    bool both_strands; /* the mean over the sequence and its reverse complement */
    int phases;        /* and over the first token standing at base 0 to phases - 1; 0: 1 */
    int resamples;     /* of the bootstrap; 0: 1000 */
} vqdna_judge_options;

typedef struct vqdna_judgement {
    vqdna_score mcc, f1_macro, accuracy; /* mean is the score, sd 0 */
    double r, rmse;                      /* of a regression: Pearson's correlation, and the root of the mean squared error */
    size_t rows;
    int classes;
    const int *truth, *predicted; /* [rows] classes */
    const float *outputs; /* [rows][classes] probabilities, or [rows] numbers; borrowed until the next call, as those above */
} vqdna_judgement;
VQDNA_API vqdna_status vqdna_predictor_judge(vqdna_predictor *predictor, const vqdna_examples *examples,
                                             const vqdna_judge_options *options, vqdna_judgement *out);

/* What is said of a sequence, or of a window of one. */
typedef struct vqdna_prediction {
    const char *contig;
    uint64_t start, end;  /* of it in its record, half-open */
    int label;            /* the most probable; -1 of a regression */
    const float *outputs; /* [count] probabilities of the classes, or one number; borrowed until the callback returns */
    int count;
} vqdna_prediction;
typedef vqdna_status (*vqdna_predictions_sink)(void *user, const vqdna_prediction *prediction);

typedef struct vqdna_predict_options {
    size_t size;       /* sizeof(vqdna_predict_options) */
    bool both_strands; /* as in vqdna_judge_options */
    int phases;
    /* Bases: windows that slide over each record, the last ending where it does; step 0: window. window 0: whole records. A window's codes
     * are those of its bases in their record, each base tokenized once. */
    size_t window, step;
} vqdna_predict_options;

/* Predictions of every record of `count` files, or of their windows, in order; records without bases have none. VQDNA_ERR_INPUT for a
 * record, VQDNA_ERR_USAGE for a window, that is longer than the positions. Either options and stats may be NULL; of stream options the input,
 * read_bytes, interrupted and progress count. */
VQDNA_API vqdna_status vqdna_predictor_predict(vqdna_predictor *predictor, const char *const *paths, size_t count,
                                               const vqdna_stream_options *options, const vqdna_predict_options *predict,
                                               vqdna_predictions_sink sink, void *user, vqdna_stream_stats *stats);

/* Vectors of every record of `count` files from the body's last hidden states, of its width: their mean or most over the tokens that stand at known
 * bases, a row a record. A record that is longer than the positions is cut into as few equal parts as fit, each read by itself. Also of a
 * pre-trained model. Of the embed options the pool counts; VQDNA_ERR_USAGE for VQDNA_POOL_NONE, and for a vocabulary of ids. `known` in the sink
 * counts tokens. */
VQDNA_API vqdna_status vqdna_predictor_embed(vqdna_predictor *predictor, const char *const *paths, size_t count,
                                             const vqdna_stream_options *options, const vqdna_embed_options *embed,
                                             vqdna_vectors_sink sink, void *user, vqdna_stream_stats *stats);

/* What each base of a sequence does to what is said of it: the class's probability (or the value) with another base in its place, less what it
 * is as it stands. */
typedef struct vqdna_mutations {
    const char *contig;
    uint64_t start; /* of the sequence in its record: 0 */
    size_t count;
    const uint8_t *bases;      /* [count] 0 1 2 3 for A C G T, 4 unknown */
    int label;                 /* that they are of: the most probable; -1 of a regression */
    double value;              /* its probability, or the number */
    const float (*effects)[4]; /* [count]: of A, C, G and T there, 0 for the base itself; borrowed until the callback returns */
} vqdna_mutations;
typedef vqdna_status (*vqdna_mutations_sink)(void *user, const vqdna_mutations *mutations);

/* The same inputs and options as vqdna_predictor_predict, whole records only; 3 predictions a base. */
VQDNA_API vqdna_status vqdna_predictor_mutate(vqdna_predictor *predictor, const char *const *paths, size_t count,
                                              const vqdna_stream_options *options, const vqdna_predict_options *predict,
                                              vqdna_mutations_sink sink, void *user, vqdna_stream_stats *stats);

/* Masked pre-training of a body: sequences of a dataset, a share of their bases hidden in spans before they become tokens, and heads that tell
 * what was hidden: one for each level of codes, or the word, and a small one for the base. */
typedef struct vqdna_pretrain_options {
    size_t size;                             /* sizeof(vqdna_pretrain_options) */
    uint64_t seed;                           /* 1 */
    int window, batch;                       /* 256 bases, 32 windows of a step */
    uint64_t steps;                          /* 2000; or by */
    double epochs;                           /* how often each base is expected to have been seen */
    double mask;                             /* share of bases that is hidden: 0.25 */
    double span_first;                       /* mean length of a hidden span at the start, 6, */
    double span_last;                        /* and at the end, 36 */
    bool mask_codes;                         /* hide tokens one by one after tokenizing: neighbours of a code give it away */
    double learning_rate;                    /* 1e-3 at its peak, then half a cosine to final_rate of it */
    double final_rate;                       /* 0 */
    double warmup;                           /* 0.05 of the steps */
    double beta1, beta2, weight_decay, clip; /* 0.9, 0.98, 0.01 (of weights), 1 */
    double dropout;                          /* 0 */
    uint64_t baseline_bases;                 /* that counting learns from before the training: 2e6 */
    bool forward_only;                       /* sample the given strand only */
    bool recompute;                          /* as of vqdna_finetune_options */
    int length_warmup; /* bases of a window at the start, doubled at equal shares of the steps; 0: window throughout */
    int micro_batch;   /* windows the device takes at once; the gradients of a step's add up. Divides batch; default: all */
} vqdna_pretrain_options;

VQDNA_API vqdna_status vqdna_set_pretrain_option(vqdna_predictor_options *body, vqdna_pretrain_options *pretrain,
                                                 const char *assignment);
VQDNA_API const vqdna_option *vqdna_pretrain_option_at(size_t index);

/* A new body with its heads, a predictor of kind "vqdna-pretrain": it is trained, saved and opened as such, and vqdna_predictor_from takes its
 * body over. `longest`: bases it will read at once, a window at least. */
VQDNA_API vqdna_status vqdna_pretrained_create(vqdna_predictor **out, vqdna_context *context, vqdna_tokenizer *tokenizer,
                                               size_t longest, const vqdna_predictor_options *options, uint64_t seed);

/* A trainer of it, for vqdna_trainer_step and the others. Its report has "loss", and of hidden tokens since the last: "levels.N.accuracy" and
 * beside it "levels.N.baseline", the share told by the most frequent code between the nearest two that are seen; "base_nats" and "baseline_nats",
 * of an order-6 model that reads both sides; "base_accuracy". */
VQDNA_API vqdna_status vqdna_pretrainer_create(vqdna_trainer **out, vqdna_predictor *predictor, const vqdna_dataset *dataset,
                                               const vqdna_pretrain_options *options);

/* The same of vqdna_pretrainer_create; batches are counted in windows. */
VQDNA_API vqdna_status vqdna_pretrainer_plan(vqdna_predictor *predictor, const vqdna_pretrain_options *options, vqdna_plan_fn fn,
                                             void *user, vqdna_plan_summary *out);
VQDNA_API vqdna_status vqdna_pretrainer_resume(vqdna_trainer **out, vqdna_predictor **predictor, vqdna_context *context,
                                               const vqdna_dataset *dataset, const char *path);

/* The numbers of a report on sequences it does not train on: `windows` of them, hidden as at the training's end; they live until the next
 * call on the trainer. */
VQDNA_API vqdna_status vqdna_pretrainer_evaluate(vqdna_trainer *trainer, const vqdna_dataset *dataset, uint64_t windows,
                                                 vqdna_report *out);

/* A predictor for the labels of `train` whose body, and tokenizer, are those of the pre-trained (or other) model in the folder `path`; of the
 * options pool and head count, and as the vocabulary of a body that reads codes codes:tuned, or pairs beside what it reads: it begins as
 * the same function, but for unknown bases. VQDNA_ERR_USAGE for another vocabulary than the body's. */
VQDNA_API vqdna_status vqdna_predictor_from(vqdna_predictor **out, vqdna_context *context, const char *path,
                                            const vqdna_examples *train, size_t longest, const vqdna_predictor_options *options,
                                            uint64_t seed);

/* ---- Benchmark --------------------------------------------------------------------------------------------------------------- */

/* The portable benchmark: workloads at fixed shapes, each checked before it is timed. `peak` measures the device's limits, which
 * the others are held against:
 *     "fma"                  fused multiply-adds in registers, by registers of two widths (flops)
 *     "copy", "triad"        y = x and y = a + s b on arrays past all caches (bytes, counted once for each array)
 *     "launch", "finish"     a kernel that does next to nothing, launched back to back, and with a wait after each
 *     "upload", "download"   host to device and back (bytes)
 * The workloads in order are "peak", "gemm", "assign", "codebook", "attention", "fft", "conv", "layernorm", "train-step" and
 * "tokenize". */

/* The name of a workload, counted from 0, and a line on it (summary may be NULL); NULL past the end. */
VQDNA_API const char *vqdna_bench_workload(size_t index, const char **summary);

/* One workload at one shape. (workload, version, operation, shape) names what was measured: a version changes when the work does.
 */
typedef struct vqdna_bench_result {
    const char *workload;
    int version;
    const char *operation; /* "dwconv", "dwconv backward", "tiny" */
    const char *shape;     /* "4096x384" */
    vqdna_status status;   /* VQDNA_OK: measured; VQDNA_END: not available here; else it failed, or its answer was wrong */
    const char *message;   /* why, where status is not VQDNA_OK; else "" */
    const char *verified;  /* what was compared before the clock started; "" where status is not VQDNA_OK */
    const char *detail;    /* how the device did it, where there was a choice; else "" */
    double flops, bytes;   /* of a run: floating-point operations, and bytes no run can do without moving; 0: not counted */
    double bases;          /* that pass in a run; 0 where none do */
    int runs;              /* queued back to back for a sample */
    const double *seconds; /* [samples]: of a run, wall time. Borrowed, as all pointers here, until the callback returns */
    size_t samples;
} vqdna_bench_result;
typedef void (*vqdna_bench_fn)(void *user, const vqdna_bench_result *result);

typedef struct vqdna_bench_options {
    size_t size; /* sizeof(vqdna_bench_options) */
    bool quick;  /* the same shapes with fewer samples, the longest left out: under a minute for all workloads on two cores */
    int (*interrupted)(void *user); /* asked now and then; non-zero stops with VQDNA_ERR_INTERRUPTED */
    void *user;                     /* of interrupted */
} vqdna_bench_options;

/* Runs one workload and tells `fn` of each shape. VQDNA_ERR_USAGE for a workload that there is not, VQDNA_ERR_DEVICE if a shape
 * failed or gave a wrong answer (`fn` heard of it, and of the others). Some workloads write a genome to a file without
 * a name in $TMPDIR. */
VQDNA_API vqdna_status vqdna_bench_run(vqdna_context *context, const char *workload, const vqdna_bench_options *options,
                                       vqdna_bench_fn fn, void *user);

/* ---- Tuning ------------------------------------------------------------------------------------------------------------------ */

/* Tunables are numbers that kernels are free to choose, such as the rows of a block. Their values are looked up in the user's file
 * ($VQDNA_TUNE_FILE, or tune.txt in the cache folder), then among those shipped for the device, then standard ones serve; the file
 * is read when a context is created. Nothing is measured unless asked for. A choice may change the order of a sum, and so the last
 * bits of a trained model; codes change only with who computes the product ("provider", CLBlast's "parameters"), where two are
 * nearly as near. */
typedef struct vqdna_tunable {
    const char *operation, *shape, *name; /* "gemm", "large" (a class of shapes), "MC" */
    int value;                            /* in force */
    const int *values;                    /* [count]: worth trying, rising */
    size_t count;
    bool slow; /* takes long to compile on this device */
} vqdna_tunable;

/* Tells `fn` of each tunable that has a meaning on the device, those that matter most first; without a context, of each that there
 * is, its value 0. The pointers outlive the context. */
typedef void (*vqdna_tunable_fn)(void *user, const vqdna_tunable *tunable);
VQDNA_API vqdna_status vqdna_tunables(vqdna_context *context, vqdna_tunable_fn fn, void *user);

typedef struct vqdna_choice {
    const char *operation, *shape, *name;
    int value;
} vqdna_choice;

/* Whether the device takes the choice together with the values in force: its local memory, its largest work-group. A value it does
 * not take is never tried, kept, imported or used. */
VQDNA_API bool vqdna_tuning_allows(vqdna_context *context, const vqdna_choice *choice);

typedef struct vqdna_trial {
    double before, after; /* seconds of a run, medians: with the value in force, with the choice */
    double gain, noise;   /* share of the time saved, and its 95 % interval is gain +- noise */
} vqdna_trial;

/* Measures a choice against the value in force. VQDNA_ERR_DEVICE if it does not run, VQDNA_ERR_NUMERIC if its answer is wrong: it is compared at
 * one shape, or with `thorough` at all shapes that have a reference. Runs of both then alternate for about `seconds`. A driver may
 * crash or hang at a value it does not like: call this in a process of its own. */
VQDNA_API vqdna_status vqdna_tuning_try(vqdna_context *context, const vqdna_choice *choice, bool thorough, double seconds,
                                        vqdna_trial *out);

/* Puts a choice into the user's file, in place of an earlier one, and into force. For this and import: while the context has no
 * tokenizer and no trainer. */
VQDNA_API vqdna_status vqdna_tuning_keep(vqdna_context *context, const vqdna_choice *choice);

/* Writes the user's choices for this device to a file, one readable line each; *count of them. */
VQDNA_API vqdna_status vqdna_tuning_export(vqdna_context *context, const char *path, int *count);

/* Takes such lines into the user's file. A line for another device, driver or version, or that cannot be read, is passed over with
 * a warning each. */
VQDNA_API vqdna_status vqdna_tuning_import(vqdna_context *context, const char *path, int *taken, int *skipped);

/* 16 hexadecimal digits that tell one set of choices in force from another; "standard" if there are none. Lives with the context.
 */
VQDNA_API const char *vqdna_tuning_hash(const vqdna_context *context);

#ifdef __cplusplus
}
#endif
#endif

/* vqdna tune: measures which values of the tunables are fastest on the device, each in a process of its own. */
#include "cli/cli_options.h"
#include "cli/cli_output.h"
#include "cli/cli_session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double least_gain = 0.03; /* beyond the noise */
static const double quick_seconds = 55;
static const double quick_limit = 25, full_limit = 120; /* of one trial */

typedef struct tuning {
    vq_cli *cli;
    vqdna_context *context;
    vq_list operations; /* asked for; none: all */
    bool full;
    double start, longest; /* of the search, and its longest trial */
    vqdna_tunable *tunables;
    size_t count;
    int values, tried, refused, changed; /* values: all that this round would try */
    bool out_of_time;
} tuning;

/* ---- The child: one trial, one line ------------------------------------------------------------------------------------------ */

/* vqdna tune --trial DEVICE THREADS OPERATION SHAPE NAME VALUE THOROUGH SECONDS, for this command's own use. */
enum { TRIAL_WORDS = 8 };

static int trial(vq_cli *cli, char **words) {
    vqdna_context_options options = {.device = words[0], .threads = atoi(words[1])};
    vqdna_choice choice = {words[2], words[3], words[4], atoi(words[5])};
    vqdna_context *context = NULL;
    vqdna_trial result;
    cli->quiet = true;
    vqdna_status status = vqdna_context_create(&context, &options);
    if (status >= 0)
        status = vqdna_tuning_try(context, &choice, atoi(words[6]) != 0, atof(words[7]), &result);
    if (status < 0)
        printf("%s\n", vqdna_last_error());
    else
        printf("%.9g %.9g %.9g %.9g\n", result.before, result.after, result.gain, result.noise);
    fflush(stdout);
    vqdna_context_destroy(context);
    return status < 0 ? VQ_EXIT_DEVICE : VQ_EXIT_OK;
}

/* ---- The parent -------------------------------------------------------------------------------------------------------------- */

extern char **environ;

/* Reads what the child prints until it ends, is too late, or the user wants to stop; true if it ended by itself. */
static bool hear(int from, double deadline, char *text, size_t size) {
    size_t used = 0;
    for (;;) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        double left = deadline - cli_clock();
        if (left <= 0 || vq_signals_caught(NULL))
            return false;
        if (poll(&ready, 1, left < 0.1 ? (int)(left * 1000) + 1 : 100) <= 0)
            continue;
        char spare[64];
        bool room = used + 1 < size;
        ssize_t n = read(from, room ? text + used : spare, room ? size - 1 - used : sizeof spare);
        if (n <= 0)
            return true;
        used += room ? (size_t)n : 0;
        text[used] = '\0';
    }
}

/* Tries a value. True and *out if it is right; else `why` says what became of it. */
static bool run_trial(tuning *t, const vqdna_tunable *tunable, int value, vqdna_trial *out, char why[256]) {
    char device[16], threads[16], number[16], text[512] = "";
    snprintf(device, sizeof device, "%d", vqdna_context_device(t->context)->index);
    snprintf(threads, sizeof threads, "%d", (int)t->cli->threads);
    snprintf(number, sizeof number, "%d", value);
    const char *words[] = {"vqdna",
                           "tune",
                           "--trial",
                           device,
                           threads,
                           tunable->operation,
                           tunable->shape,
                           tunable->name,
                           number,
                           t->full ? "1" : "0",
                           t->full ? "1.5" : "0.3",
                           NULL};
    double limit = full_limit, left = t->start + quick_seconds + 3 - cli_clock();
    if (!t->full)
        limit = left < quick_limit ? left : quick_limit;
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(why, 256, "no pipe to a process for it");
        return false;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (!t->cli->verbose)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    bool ended = false;
    int status = 0;
    if (!failed) {
        ended = hear(ends[0], cli_clock() + limit, text, sizeof text);
        if (!ended)
            kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    close(ends[0]);
    text[strcspn(text, "\n")] = '\0';
    if (failed)
        snprintf(why, 256, "no process could be started for it");
    else if (!ended)
        snprintf(why, 256, "not done after %.0f s", limit);
    else if (WIFSIGNALED(status))
        snprintf(why, 256, "the driver crashed (signal %d)", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(why, 256, "%.255s", text[0] ? text : "the trial failed");
    else if (sscanf(text, "%lf %lf %lf %lf", &out->before, &out->after, &out->gain, &out->noise) != 4)
        snprintf(why, 256, "the trial said nothing");
    else
        return true;
    return false;
}

/* Whether there is time for one more. */
static bool time_left(tuning *t) {
    if (!t->full && cli_clock() - t->start + t->longest > quick_seconds)
        t->out_of_time = true;
    return !t->out_of_time && !vq_signals_caught(NULL);
}

/* A value worth a trial, of those that the device takes: a quick search looks at the neighbours of the one in force only. */
static bool candidate(const tuning *t, const vqdna_tunable *tunable, size_t i) {
    const int *v = tunable->values;
    const vqdna_choice choice = {tunable->operation, tunable->shape, tunable->name, v[i]};
    if (v[i] == tunable->value || (tunable->slow && !t->full) || !vqdna_tuning_allows(t->context, &choice))
        return false;
    if (t->full)
        return true;
    return v[i] < tunable->value ? i + 1 == tunable->count || v[i + 1] >= tunable->value : i == 0 || v[i - 1] <= tunable->value;
}

/* A trial and its line; *gain is set if the value is faster. `again`: it was faster before. */
static bool faster(tuning *t, const vqdna_tunable *tunable, int value, bool again, double *gain) {
    vqdna_trial result;
    char why[256];
    double begin = cli_clock();
    bool right = run_trial(t, tunable, value, &result, why);
    if (vq_signals_caught(NULL))
        return false;
    if (right && cli_clock() - begin > t->longest)
        t->longest = cli_clock() - begin;
    t->tried += !again;
    t->refused += !right;
    bool better = right && result.gain - result.noise > least_gain;
    if (!t->cli->quiet || better) {
        vq_cli_progress_clear(t->cli);
        printf("%-12s %-11s %-9s %5d -> %-5d", tunable->operation, tunable->shape, tunable->name, tunable->value, value);
        if (right)
            printf(" %10.4f ms %10.4f ms  gain %5.1f %% +- %4.1f %%  %s%s\n", result.before * 1e3, result.after * 1e3,
                   result.gain * 100, result.noise * 100, better ? "faster" : "not faster", again ? " in a second trial" : "");
        else
            printf(" refused: %s\n", why);
        fflush(stdout);
    }
    if (better)
        *gain = result.gain;
    return better;
}

/* A second trial of a value that was faster in one, where another program's load may have come between. */
static bool confirmed(tuning *t, const vqdna_tunable *tunable, int value, double *gain) {
    if (time_left(t))
        return faster(t, tunable, value, true, gain);
    vq_cli_note(t->cli, "%s %s %s = %d is not kept: there is no second trial of it", tunable->operation, tunable->shape,
                tunable->name, value);
    return false;
}

/* Tries the values of one tunable and keeps the best, if it is better than the one in force twice. */
static vqdna_status search(tuning *t, vqdna_tunable *tunable, bool *changed) {
    int best = 0;
    double gain = 0, most = 0;
    for (size_t i = 0; i < tunable->count; i++) {
        if (!candidate(t, tunable, i))
            continue;
        if (!time_left(t))
            break;
        if (t->cli->terminal)
            vq_cli_progress(t->cli, true, "value %d of %d  %s %s %s", t->tried + 1, t->values, tunable->operation, tunable->shape,
                            tunable->name);
        if (faster(t, tunable, tunable->values[i], false, &gain) && gain > most) {
            most = gain;
            best = tunable->values[i];
        }
    }
    if (!best || !confirmed(t, tunable, best, &gain))
        return VQDNA_OK;
    most = gain < most ? gain : most;
    vqdna_choice choice = {tunable->operation, tunable->shape, tunable->name, best};
    vqdna_status status = vqdna_tuning_keep(t->context, &choice);
    if (status < 0)
        return status;
    printf("%-12s %-11s %-9s = %d from now on, gain %.1f %%\n", tunable->operation, tunable->shape, tunable->name, best,
           most * 100);
    fflush(stdout);
    tunable->value = best;
    t->changed++;
    *changed = true;
    return VQDNA_OK;
}

static bool among(const vq_list *list, const char *word) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], word))
            return true;
    return false;
}

static void collect(void *user, const vqdna_tunable *tunable) {
    tuning *t = user;
    if (t->operations.count && !among(&t->operations, tunable->operation))
        return;
    t->tunables = vq_need(t->tunables, (t->count + 1) * sizeof *t->tunables);
    t->tunables[t->count++] = *tunable;
}

static int search_all(tuning *t) {
    vqdna_status status = vqdna_tunables(t->context, collect, t);
    bool changed = true;
    for (size_t i = 0, k; i < t->operations.count && status >= 0; i++) {
        for (k = 0; k < t->count && strcmp(t->operations.items[i], t->tunables[k].operation) != 0; k++)
            ;
        if (k == t->count)
            return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "'%s' has no tunable on this device; --help lists the operations",
                               t->operations.items[i]);
    }
    vq_signals_hold(); /* to end the process of a trial, and to say what was found */
    /* What was best for one may no longer be once another has changed. */
    for (int pass = 0; pass < (t->full ? 2 : 1) && changed && status >= 0; pass++) {
        changed = false;
        t->values = t->tried;
        for (size_t i = 0; i < t->count; i++)
            for (size_t k = 0; k < t->tunables[i].count; k++)
                t->values += candidate(t, &t->tunables[i], k);
        for (size_t i = 0; i < t->count && status >= 0; i++)
            status = search(t, &t->tunables[i], &changed);
    }
    vq_cli_progress_clear(t->cli);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    vq_cli_note(t->cli, "%d value%s tried in %.0f s, %d refused; %d choice%s changed%s", t->tried, t->tried == 1 ? "" : "s",
                cli_clock() - t->start, t->refused, t->changed, t->changed == 1 ? "" : "s",
                t->out_of_time ? "; the time was up before all were tried: name operations, or take --full" : "");
    return vq_signals_caught(NULL) ? vq_cli_fail(t->cli, VQ_EXIT_INTERRUPTED, "interrupted; what was found so far is kept")
                                   : VQ_EXIT_OK;
}

static int move_file(tuning *t, const char *import, const char *export) {
    int count, skipped;
    vqdna_status status =
        import ? vqdna_tuning_import(t->context, import, &count, &skipped) : vqdna_tuning_export(t->context, export, &count);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    if (import)
        vq_cli_note(t->cli, "%s: %d choice%s taken, %d line%s passed over", import, count, count == 1 ? "" : "s", skipped,
                    skipped == 1 ? "" : "s");
    else
        vq_cli_note(t->cli, "%s: %d choice%s of %s", export, count, count == 1 ? "" : "s", vqdna_context_device(t->context)->name);
    return VQ_EXIT_OK;
}

static void list_operation(void *user, const vqdna_tunable *tunable) {
    if (!among(user, tunable->operation))
        vq_list_append(user, vq_need_text(tunable->operation));
}

static char notes[1024];

/* Below the options: the operations that there are. */
static void write_notes(void) {
    vq_list operations = {0};
    vqdna_tunables(NULL, list_operation, &operations);
    int n = snprintf(notes, sizeof notes, "Operations, all of them by default:\n ");
    for (size_t i = 0; i < operations.count && n < (int)sizeof notes; i++)
        n += snprintf(notes + n, sizeof notes - (size_t)n, "%s%s", i ? ", " : " ", operations.items[i]);
    vq_list_free(&operations);
}

static int run(vq_cli *cli, int argc, char **argv) {
    if (argc == 2 + TRIAL_WORDS && !strcmp(argv[1], "--trial"))
        return trial(cli, argv + 2);
    tuning t = {.cli = cli, .start = cli_clock()};
    const char *import = NULL, *export = NULL;
    bool quick = false;
    const vq_option options[] = {
        {"quick", 0, NULL, VQ_FLAG, &quick, "the neighbours of the values in force, under a minute\nin all; the default"},
        {"full", 0, NULL, VQ_FLAG, &t.full, "all values of every grid, checked at more shapes;\nmany minutes"},
        {"export", 0, "FILE", VQ_TEXT, &export, "write the choices for this device and stop"},
        {"import", 0, "FILE", VQ_TEXT, &import, "take choices for this device from FILE and stop"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "export to a file that holds something else"},
        {0},
    };
    write_notes();
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &t.operations);
    if (code != VQ_GO_ON)
        return code;
    if (quick + t.full + !!import + !!export > 1)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--quick, --full, --export and --import exclude each other");
    if ((import || export) && t.operations.count)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--export and --import take no operations");
    if (export)
        code = vq_output_check(cli, export, VQ_KIND_TUNING);
    if (code != VQ_GO_ON)
        return code;
    vq_session session;
    code = vq_session_open(&session, cli, NULL);
    if (code == VQ_GO_ON) {
        t.context = session.context;
        code = import || export ? move_file(&t, import, export) : search_all(&t);
    }
    vq_session_close(&session);
    free(t.tunables);
    return code;
}

const vq_command vq_cmd_tune = {
    .name = "tune",
    .summary = "find the fastest values of the kernels' tunables on the device",
    .synopsis = "[--quick|--full] [--device DEVICE] [OPERATION...]\n       vqdna tune --export FILE | --import FILE",
    .notes = notes,
    .run = run,
};

#include "cli/cli_session.h"
#include "report/benchmark_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static json_t *loads(void) {
    double load[3];
    json_t *array = json_array();
    int known = getloadavg(load, 3);
    for (int i = 0; i < known; i++)
        json_array_append_new(array, cli_json_number(load[i]));
    return array;
}

/* The value of a "key : value" line of /proc/cpuinfo, or NULL; to be freed. */
static char *cpu_line(const char *key) {
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256], *value = NULL;
    while (file && !value && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        value = vq_need_text(colon + 1 + strspn(colon + 1, " "));
    }
    if (file)
        fclose(file);
    return value;
}

/* The first line of a small file, or NULL; to be freed. */
static char *file_line(const char *path) {
    FILE *file = fopen(path, "r");
    char line[128], *value = NULL;
    if (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        value = vq_need_text(line);
    }
    if (file)
        fclose(file);
    return value;
}

static void set_owned(json_t *object, const char *key, char *text) {
    json_object_set_new(object, key, text ? cli_json_text(text) : json_null());
    free(text);
}

static json_t *clocks(const vqdna_device_info *device) {
    json_t *object = json_object();
    char *mhz = cpu_line("cpu MHz");
    json_object_set_new(object, "device_mhz", json_integer(device->clock_mhz));
    json_object_set_new(object, "cpu_mhz_now", mhz ? cli_json_number(atof(mhz)) : json_null());
    set_owned(object, "governor", file_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    free(mhz);
    return object;
}

json_t *vq_benchmark_environment(const vq_cli *cli, const vqdna_context *context, bool quick) {
    const vqdna_device_info *device = vqdna_context_device(context);
    json_t *object = json_object(), *command = json_array();
    char date[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    for (int i = 0; i < cli->argc; i++)
        json_array_append_new(command, cli_json_text(cli->argv[i]));
    json_object_set_new(object, "date", json_string(date));
    json_object_set_new(object, "vqdna", json_string(vqdna_version()));
    json_object_set_new(object, "libraries", cli_json_text(vqdna_libraries()));
    json_object_set_new(object, "compiler", json_string(COMPILER));
    json_object_set_new(object, "command", command);
    json_object_set_new(object, "quick", json_boolean(quick));
    json_object_set_new(object, "device", cli_json_text(device->name));
    json_object_set_new(object, "vendor", cli_json_text(device->vendor));
    json_object_set_new(object, "driver", cli_json_text(device->driver));
    json_object_set_new(object, "device_version", cli_json_text(device->version));
    json_object_set_new(object, "platform", cli_json_text(device->platform));
    json_object_set_new(object, "platform_version", cli_json_text(device->platform_version));
    json_object_set_new(object, "type", cli_json_text(device->type));
    json_object_set_new(object, "family", cli_json_text(device->family));
    json_object_set_new(object, "compute_units", json_integer(device->compute_units));
    json_object_set_new(object, "float_width", json_integer(device->float_width));
    json_object_set_new(object, "global_bytes", json_integer((json_int_t)device->global_bytes));
    set_owned(object, "cpu", cpu_line("model name"));
    json_object_set_new(object, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(object, "threads", cli->threads ? json_integer((json_int_t)cli->threads) : json_null());
    json_object_set_new(object, "clocks", clocks(device));
    json_object_set_new(object, "tuning", json_string(vqdna_tuning_hash(context)));
    json_object_set_new(object, "loads_start", loads());
    return object;
}

void vq_benchmark_environment_end(json_t *environment) {
    json_object_set_new(environment, "loads_end", loads());
}

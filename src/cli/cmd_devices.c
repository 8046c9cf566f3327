/* vqdna devices: every OpenCL platform and device, and which one would be used. */
#include "cli/cli_options.h"
#include "cli/cli_session.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *describe(const vqdna_device_info *d) {
    json_t *object = json_object();
    json_object_set_new(object, "platform", cli_json_text(d->platform));
    json_object_set_new(object, "platform_version", cli_json_text(d->platform_version));
    if (!d->name[0])
        return object;
    json_object_set_new(object, "index", json_integer(d->index));
    json_object_set_new(object, "name", cli_json_text(d->name));
    json_object_set_new(object, "vendor", cli_json_text(d->vendor));
    json_object_set_new(object, "version", cli_json_text(d->version));
    json_object_set_new(object, "driver", cli_json_text(d->driver));
    json_object_set_new(object, "type", json_string(d->type));
    json_object_set_new(object, "family", json_string(d->family));
    json_object_set_new(object, "compute_units", json_integer(d->compute_units));
    json_object_set_new(object, "clock_mhz", json_integer(d->clock_mhz));
    json_object_set_new(object, "float_width", json_integer(d->float_width));
    json_object_set_new(object, "max_work_group", json_integer((json_int_t)d->max_work_group));
    json_object_set_new(object, "local_bytes", json_integer((json_int_t)d->local_bytes));
    json_object_set_new(object, "global_bytes", json_integer((json_int_t)d->global_bytes));
    json_object_set_new(object, "max_allocation", json_integer((json_int_t)d->max_allocation));
    json_object_set_new(object, "fp64", json_boolean(d->fp64));
    json_object_set_new(object, "usable", json_boolean(d->usable));
    json_object_set_new(object, "chosen", json_boolean(d->chosen));
    json_object_set_new(object, "reason", cli_json_text(d->reason));
    return object;
}

static void print_text(const vqdna_device_info *d) {
    if (!d->name[0]) {
        printf("     platform %s (%s): no devices\n", d->platform, d->platform_version);
        return;
    }
    printf("%c%3d  %s\n", d->chosen ? '*' : ' ', d->index, d->name);
    printf("     %s, %s, kernels for a %s; %u compute units at %u MHz, float vectors of %u\n", d->vendor, d->type, d->family,
           d->compute_units, d->clock_mhz, d->float_width);
    printf("     memory %.1f GiB (one allocation %.1f GiB), local %llu KiB, work-groups to %llu%s\n",
           (double)d->global_bytes / (1 << 30), (double)d->max_allocation / (1 << 30), (unsigned long long)d->local_bytes >> 10,
           (unsigned long long)d->max_work_group, d->fp64 ? ", fp64" : "");
    printf("     platform %s; %s; driver %s\n", d->platform, d->version, d->driver);
    if (d->reason[0])
        printf("     %s: %s\n", d->chosen ? "chosen" : d->usable ? "not chosen" : "not usable", d->reason);
}

static int run(vq_cli *cli, int argc, char **argv) {
    const vq_option options[] = {{"json", 0, NULL, VQ_FLAG, &cli->json, "print JSON"}, {0}};
    int code = vq_options_parse(cli, options, argc, argv, 0, 0, NULL);
    if (code != VQ_GO_ON)
        return code;
    vqdna_device_info *devices;
    size_t count;
    vqdna_status status = vqdna_devices(&devices, &count, cli->device);
    if (status < 0)
        return vq_cli_failed(cli, status);
    bool found = false, chosen = false;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        found |= devices[i].name[0] != '\0';
        chosen |= devices[i].chosen;
        if (cli->json)
            json_array_append_new(list, describe(&devices[i]));
        else
            print_text(&devices[i]);
    }
    if (cli->json) {
        char *text = vq_json_print(list, true);
        puts(text);
        free(text);
    }
    json_decref(list);
    vqdna_devices_free(devices);
    if (chosen)
        return VQ_EXIT_OK;
    if (!found)
        return vq_cli_fail(cli, VQ_EXIT_DEVICE,
                           "no OpenCL device; pocl-opencl-icd makes one of any CPU: apt-get install pocl-opencl-icd");
    return vq_cli_fail(cli, VQ_EXIT_DEVICE, "none of these devices can be used%s%s", cli->device ? " as " : "",
                       cli->device ? cli->device : "");
}

const vq_command vq_cmd_devices = {
    .name = "devices",
    .summary = "every OpenCL platform and device, and which one would be used",
    .synopsis = "[--json] [--device DEVICE]",
    .notes = "The device marked * is the one that the other commands use with the same --device or $VQDNA_DEVICE.",
    .run = run,
};

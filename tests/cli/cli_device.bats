# Devices: listing, self-test, and what is said when there is none that fits.
load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    genome 1 1 500 >genome.fa
}

@test "devices: one is chosen, as text and as JSON" {
    run --separate-stderr "$VQDNA" devices
    [ "$status" -eq 0 ]
    [ "$(grep -c '^\*' <<<"$output")" -eq 1 ]
    "$VQDNA" devices --json >devices.json
    [ "$(grep -c '"chosen": true' devices.json)" -eq 1 ]
    grep -q '"reason": ".' devices.json
}

@test "VQDNA_DEVICE and --device choose; the option wins" {
    VQDNA_DEVICE=nosuchdevice refused 3 nosuchdevice "$VQDNA" train "${small[@]}" --steps 1 -o m genome.fa
    index=$("$VQDNA" devices | sed -n 's/^\* *\([0-9]*\) .*/\1/p')
    VQDNA_DEVICE=nosuchdevice "$VQDNA" devices --device "$index" | grep -q '^\*'
}

@test "no OpenCL platform at all" {
    mkdir none
    export OCL_ICD_VENDORS=$PWD/none/
    refused 3 "pocl-opencl-icd" "$VQDNA" train "${small[@]}" --steps 1 -o m genome.fa
    refused 3 "pocl-opencl-icd" "$VQDNA" selftest
    run --separate-stderr "$VQDNA" devices
    [ "$status" -eq 3 ]
    [[ $stderr == *pocl-opencl-icd* ]]
    [ ! -e m ]
}

@test "no device of the asked kind" {
    refused 3 nosuchdevice "$VQDNA" train --device nosuchdevice --steps 1 -o m genome.fa
    refused 3 nosuchdevice "$VQDNA" selftest --device nosuchdevice
    run --separate-stderr "$VQDNA" devices --device nosuchdevice
    [ "$status" -eq 3 ]
    [ ! -e m ]
}

@test "too little device memory" {
    export POCL_MEMORY_LIMIT=1
    "$VQDNA" devices | grep -A4 '^\*' | grep -q Portable || skip "the device is not PoCL's"
    refused 3 "too little memory" "$VQDNA" train -q --set batch=800 --steps 1 -o m genome.fa
    refused 3 "memory" "$VQDNA" train -q --preset base --window 4096 --batch 4096 --steps 1 -o m genome.fa
    [ ! -e m ]
}

@test "a cold cache is said once, a warm one not at all; one that cannot be written only costs time" {
    # PoCL's own cache stays where it was: it saves the time.
    export POCL_CACHE_DIR=${POCL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pocl/kcache}
    export XDG_CACHE_HOME=$PWD/cache
    "$VQDNA" train "${small[@]}" --steps 2 -o cold genome.fa 2>said
    [ "$(grep -c compiling said)" -eq 1 ]
    grep -q '(first run only)' said
    "$VQDNA" train "${small[@]}" --steps 2 -o warm genome.fa 2>said
    run ! grep -q compiling said
    touch file
    XDG_CACHE_HOME=$PWD/file "$VQDNA" train "${small[@]}" --steps 2 -o none genome.fa 2>said
    [ "$(grep -c compiling said)" -eq 1 ]
    cmp warm/model.safetensors none/model.safetensors
    XDG_CACHE_HOME=$PWD/other "$VQDNA" train -q "${small[@]}" --steps 2 -o quiet genome.fa 2>said
    [ ! -s said ]
}

@test "selftest: every check passes, as text and as JSON; a verdict that was kept is written anew" {
    export POCL_CACHE_DIR=${POCL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pocl/kcache} XDG_CACHE_HOME=$PWD/cache
    "$VQDNA" tune --export out.txt
    verdict=$(echo cache/vqdna/verdict-*)
    right=$(cat "$verdict")
    printf %s "${right/r/p}" >"$verdict"
    run --separate-stderr "$VQDNA" selftest --json
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -ge 10 ]
    [ "$(grep -c '"passed":true' <<<"$output")" -eq "${#lines[@]}" ]
    [ "$(cat "$verdict")" = "$right" ]
}

@test "PoCL's cache that cannot be written is named, and a folder of ours stands in" {
    "$VQDNA" devices | grep -q Portable || skip "the device is not PoCL's"
    export TMPDIR=$PWD/tmp
    mkdir tmp
    touch file
    for where in "HOME=/proc" "XDG_CACHE_HOME=$PWD/file" "POCL_CACHE_DIR=$PWD/file/c"; do
        run --separate-stderr env -u XDG_CACHE_HOME -u POCL_CACHE_DIR "$where" "$VQDNA" devices
        [ "$status" -eq 0 ]
        grep -q '^\*' <<<"$output"
        [[ $stderr == *"${where#*=}"*"cannot be written"*"$TMPDIR/vqdna-pocl-"*POCL_CACHE_DIR* ]]
        [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    done
    [ "$(stat -c %a tmp/vqdna-pocl-*)" = 700 ]
    # Another's folder of that name is not used.
    chmod 777 tmp/vqdna-pocl-*
    run --separate-stderr env -u XDG_CACHE_HOME -u POCL_CACHE_DIR HOME=/proc "$VQDNA" devices
    [[ $stderr == *"/proc"*"let POCL_CACHE_DIR name"* ]]
}

@test "entries of PoCL's cache that were cut short are removed, for it would crash" {
    "$VQDNA" devices | grep -q Portable || skip "the device is not PoCL's"
    export POCL_CACHE_DIR=$PWD/pocl
    mkdir pocl
    cp "$VQDNA" pocl/whole.so
    head -c 5000 "$VQDNA" >pocl/cut.so
    : >pocl/empty.so
    printf 'BC\xc0\xde\x35\x14\0\0\x01\0\0\0abcd' >pocl/whole.bc
    printf 'BC\xc0\xde\x35\x14\0\0\x02\0\0\0abcd' >pocl/cut.bc
    "$VQDNA" devices >/dev/null 2>said
    [ "$(grep -c "cut short.*$PWD/pocl" said)" -eq 1 ]
    [ -e pocl/whole.so ] && [ -e pocl/whole.bc ]
    [ ! -e pocl/cut.so ] && [ ! -e pocl/empty.so ] && [ ! -e pocl/cut.bc ]
    "$VQDNA" devices 2>said >/dev/null
    [ ! -s said ]
}

@test "an entry of PoCL's cache that another process may be writing is left alone" {
    "$VQDNA" devices | grep -q Portable || skip "the device is not PoCL's"
    export POCL_CACHE_DIR=$PWD/pocl
    mkdir pocl
    : >pocl/growing.so
    flock -s pocl "$VQDNA" devices >/dev/null 2>said
    [ ! -s said ] && [ -e pocl/growing.so ]
}

@test "a limit on the process's memory is the device's" {
    ! grep -q __asan_init "$VQDNA" || skip "AddressSanitizer reserves more than any limit"
    "$VQDNA" devices | grep -A1 '^\*' | grep -q ' cpu,' || skip "no CPU device"
    bytes=$(ulimit -v 3000000 && "$VQDNA" devices --json --device cpu | sed -n '/"index"/,$ s/.*"global_bytes": \([0-9]*\).*/\1/p' | head -1)
    [ "$bytes" -le 3072000000 ]
}

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

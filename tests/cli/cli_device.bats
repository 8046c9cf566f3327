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
    refused 3 "memory" "$VQDNA" train -q --preset base --window 4096 --batch 4096 --steps 1 -o m genome.fa
    [ ! -e m ]
}

@test "selftest: every check passes, as text and as JSON" {
    run --separate-stderr "$VQDNA" selftest --json
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -ge 10 ]
    [ "$(grep -c '"passed":true' <<<"$output")" -eq "${#lines[@]}" ]
}

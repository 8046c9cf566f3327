# Tuning: the file, its lines, and a search whose candidates may be wrong or hang.
load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    export VQDNA_TUNE_FILE=$PWD/tune.txt
    genome 1 1 500 >genome.fa
}

# mine CHOICE...: a line each for the device in use.
mine() {
    local whose choice
    whose=$("$VQDNA" devices --json | awk -F'": "?' -v wide="${VQDNA_VECTOR_WIDTH:-0}" '
        { key = $1; gsub(/[ "]/, "", key); text = $2; sub(/"?,?$/, "", text); value[key] = text }
        key == "chosen" && text == "true" {
            width = wide > 0 ? wide : value["family"] == "gpu" ? 4 : value["float_width"]
            printf "1 | %s | %s | %s | fp32x%d", value["platform"], value["name"], value["driver"], width
        }')
    for choice; do
        echo "$whose | $choice"
    done
}

cpu_only() {
    "$VQDNA" devices --json | grep -A30 '"family": "cpu"' | grep -q '"chosen": true' || skip "the grid is of a CPU device's kernels"
}

@test "export and import: there and back, and what is not for this device is passed over" {
    mine "dwconv | wide | rows = 32" "reduce | all | rows = 64" >tune.txt
    "$VQDNA" tune --export out.txt 2>said
    grep -q "2 choices of" said
    [ "$(grep -vc '^#' out.txt)" -eq 2 ]
    sed '/wide/s/| [^|]* | fp32/| another driver | fp32/' out.txt >in.txt
    mine "dwconv | wide | rows = 33" "nonsense | wide | rows = 32" >>in.txt
    echo "what is this" >>in.txt
    rm tune.txt
    "$VQDNA" tune --import in.txt 2>said
    grep -q "1 choice taken, 4 lines passed over" said
    grep -q "another driver" said
    [ "$(grep -c "not of its grid" said)" -eq 2 ]
    grep -q "not a line of tuning" said
    [ "$(grep -v '^#' tune.txt)" = "$(grep reduce out.txt)" ]
    nothing_left .
}

@test "a bad line of the user's file is said, and the rest counts" {
    { echo "1 | what"; mine "reduce | all | rows = 64"; } >tune.txt
    "$VQDNA" train "${small[@]}" --steps 1 -o m genome.fa 2>said
    grep -q "tune.txt: line 1 is not a line of tuning" said
    grep -q '"tuning": "[0-9a-f]\{16\}"' m/config.json
    rm tune.txt
    "$VQDNA" train "${small[@]}" --steps 1 -o n genome.fa 2>said
    run ! grep -q tuning said
    tuning=$(grep '"tuning": "' n/config.json)
    run ! grep -qF -- "$tuning" m/config.json
}

@test "a tuned block size changes no bit of a model" {
    cpu_only
    "$VQDNA" train -q "${small[@]}" --steps 3 --no-provenance -o standard genome.fa
    mine "gemm | small | MC = 72" "gemm | small | KC = 128" "gemm | small | MR = 6" "gemm | transposed | KC = 384" \
        "gemm | transposed | NC = 128" "assign | narrow | MR = 4" "dwconv | narrow | rows = 16" "layernorm | narrow | rows = 8" \
        "head | all | rows = 8" "head | all | abreast = 1" "stem | all | rows = 2" "quantize | all | rows = 8" \
        "codesum | all | codes = 4" "codesum | all | chunks = 4" "codebook | all | codes = 4" "crossentropy | all | rows = 4" >tune.txt
    "$VQDNA" train -q "${small[@]}" --steps 3 --no-provenance -o tuned genome.fa
    cmp standard/model.safetensors tuned/model.safetensors
}

@test "a quick search of one operation" {
    run --separate-stderr "$VQDNA" tune --quick layernorm
    [ "$status" -eq 0 ]
    [ "$(grep -c '^layernorm .* -> .* gain ' <<<"$output")" -ge 1 ] || grep -q "^0 values" <<<"$stderr"
    [[ $stderr == *"0 refused"* ]]
    run ! grep -q refused <<<"$output"
}

@test "a wrong candidate and one that does not compile are refused" {
    cpu_only
    mkdir kernels
    cp "$BATS_TEST_DIRNAME"/../../cl/*.cl kernels
    # 32 rows an item: very fast, for it does nothing.
    sed -i 's/const int end = min((int)get_global_id(0) \* per + per, M);/const int end = per == 32 ? 0 : min((int)get_global_id(0) * per + per, M);/' kernels/layernorm.cl
    grep -q 'per == 32' kernels/layernorm.cl
    export VQDNA_KERNEL_DIR=$PWD/kernels
    run --separate-stderr "$VQDNA" tune layernorm
    [ "$status" -eq 0 ]
    [ "$(grep -c -- '-> 32 .*refused: .*off by' <<<"$output")" -eq 2 ]
    run ! grep -q 'rows *= 32' tune.txt
    # 10 rows a panel, or 8, do not compile: a neighbour of the standard with registers of 16 floats, or 8.
    printf '#if VQ_MR == 10 || VQ_MR == 8\n#error no\n#endif\n' >>kernels/assign.cl
    run --separate-stderr "$VQDNA" tune assign
    [ "$status" -eq 0 ]
    [ "$(grep -cE -- '-> (8|10) .*refused: ' <<<"$output")" -eq 2 ]
}

# slow THE_STANDARD OTHERS: how often the LayerNorm of its standard rows, and of other numbers of them, is computed.
slow() {
    local loop='for (int m = get_global_id(0) \* per; m < end; m++) {'
    sed "0,/$loop/s//for (int again = per == 64 ? $1 : $2; again > 0; again--)\n&/" \
        "$BATS_TEST_DIRNAME"/../../cl/layernorm.cl >kernels/new
    grep -q again kernels/new
    mv kernels/new kernels/layernorm.cl
}

@test "a faster value is kept if it is so in a second trial" {
    cpu_only
    mkdir kernels
    cp "$BATS_TEST_DIRNAME"/../../cl/*.cl kernels
    export VQDNA_KERNEL_DIR=$PWD/kernels
    slow 30 1
    "$VQDNA" tune layernorm >out 2>said
    [ "$(grep -c 'in a second trial$' out)" -eq 2 ]
    [ "$(grep -c ' faster in a second trial$' out)" -eq "$(grep -c 'from now on' out)" ]
    grep -q '^layernorm *narrow *rows *= [0-9]* from now on, gain 9[0-9]' out
    grep -q ' layernorm | narrow | rows = ' tune.txt
    rm tune.txt
    # Another load comes as soon as a value has won.
    slow 30 1
    "$VQDNA" tune layernorm 2>said | while read -r line; do
        echo "$line"
        [[ $line != *" faster" || $line == *"not faster" ]] || slow 1 30
    done >out
    grep -q ' faster$' out
    [ "$(grep -c ' not faster in a second trial$' out)" -eq 1 ]
    run ! grep -q 'from now on' out
    [ ! -e tune.txt ]
}

@test "the help and the man page name the operations that there are" {
    names=$("$VQDNA" tune --help | sed '1,/^Operations/d' | tr -d ' ' | tr ',' '\n')
    [ "$(wc -w <<<"$names")" -ge 13 ]
    sed -n '/^The operations are/,/^$/p' "$BATS_TEST_DIRNAME"/../../src/cli/vqdna-tune.1.scd >page
    [ "$(sed 's/\. For .*//;/\.$/q' page | grep -o '\*[a-z]*\*' | tr -d '*' | sort)" = "$(sort <<<"$names")" ]
}

@test "what is wrong is said" {
    refused 1 "exclude each other" "$VQDNA" tune --quick --full
    refused 1 "take no operations" "$VQDNA" tune --export x gemm
    refused 1 "'nosuch' has no tunable" "$VQDNA" tune gemm nosuch
    refused 2 "nothing.txt" "$VQDNA" tune --import nothing.txt
    refused 2 "none/out.txt" "$VQDNA" tune --export none/out.txt
}

@test "first use: kernels with wrong answers are replaced, and it is said" {
    cpu_only
    mkdir kernels
    cp "$BATS_TEST_DIRNAME"/../../cl/*.cl kernels
    "$VQDNA" train -q "${small[@]}" --steps 2 --no-provenance -o right genome.fa
    export VQDNA_KERNEL_DIR=$PWD/kernels
    "$VQDNA" train -q "${small[@]}" --steps 2 --no-provenance -o same genome.fa 2>said
    [ ! -s said ]
    # The tile leaves out its last steps.
    sed -i 's/for (; n > 0; n--) {/for (; n > 1; n--) {/' kernels/prelude.cl
    "$VQDNA" train "${small[@]}" --steps 2 --no-provenance -o plain genome.fa 2>said
    grep -q "kernels of gemm fail their known answers" said
    grep -q "plain kernels are used for gemm" said
    not grep -q "plain kernels are used for layernorm" said
    cmp right/model.safetensors plain/model.safetensors
    sed -i 's/rsqrt\|1.0f \/ sqrt/1.5f \/ sqrt/' kernels/layernorm.cl
    "$VQDNA" train "${small[@]}" --steps 2 --no-provenance -o wrong genome.fa 2>said
    grep -q "kernels of layernorm fail" said
    grep -q "wrong answers in layernorm.*do not trust" said
}

@test "first use: the verdict is kept for the device and driver" {
    export POCL_CACHE_DIR=${POCL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pocl/kcache} XDG_CACHE_HOME=$PWD/cache
    "$VQDNA" tune --export out.txt 2>said
    verdict=$(echo cache/vqdna/verdict-*)
    [ "$(cat "$verdict")" = rrrrrr ]
    printf prrrrr >"$verdict"
    "$VQDNA" tune --export out.txt 2>said
    grep -q "plain kernels are used for gemm.*$verdict" said
    printf rrrwrr >"$verdict"
    "$VQDNA" tune --export out.txt 2>said
    grep -q "wrong answers in dwconv" said
    for damaged in "" rrr rrrrrrr rrrxrr; do
        printf '%s' "$damaged" >"$verdict"
        "$VQDNA" tune --export out.txt 2>said
        [ "$(cat "$verdict")" = rrrrrr ]
    done
}

@test "first use: a failure that passes leaves no verdict, and one that stays is tried anew" {
    ! grep -q __asan_init "$VQDNA" || skip "AddressSanitizer must be loaded first"
    export POCL_CACHE_DIR=${POCL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pocl/kcache} XDG_CACHE_HOME=$PWD/cache
    # Once, at several places: tried again, and nobody is the wiser.
    for fault in "clCreateKernel 1" "clSetKernelArg 30" "clEnqueueNDRangeKernel 6" "clFinish 4" "clEnqueueReadBuffer 9" \
        "clEnqueueWriteBuffer 20" "clCreateBuffer 15" "clCreateSubBuffer 31" "clBuildProgram 3" "clCreateProgramWithSource 2"; do
        rm -rf cache
        LD_PRELOAD=$FAULT VQ_FAULT="$fault -5" "$VQDNA" tune --export out.txt 2>said
        run ! grep -q plain said
        [ "$(cat cache/vqdna/verdict-*)" = rrrrrr ]
    done
    verdict=$(echo cache/vqdna/verdict-*)
    printf 'rrr?rr' >"$verdict"
    "$VQDNA" tune --export out.txt 2>said
    [ "$(cat "$verdict")" = rrrrrr ]
    # What ran is told, in the output too.
    printf rrprrr >"$verdict"
    "$VQDNA" train -q "${small[@]}" --steps 2 -o model genome.fa
    grep -q '"plain_kernels": *"assign"' model/config.json
    printf 'p?rrrr' >"$verdict"
    "$VQDNA" tune --export out.txt 2>said
    [ "$(cat "$verdict")" = pprrrr ]
}

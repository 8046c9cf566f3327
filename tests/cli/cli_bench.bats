# vqdna bench: its JSON, its picture, and the comparison of two runs. How fast is no matter here.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    "$VQDNA" bench -q --quick -o run.json --svg run.svg conv >table
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    command -v jq >/dev/null || skip "jq is not installed"
}

# slowed FACTOR WORKLOAD: run.json with the samples of a workload's results times a factor.
slowed() {
    jq --argjson f "$1" --arg w "$2" '.results |= map(if .workload == $w then .seconds |= map(. * $f) else . end)' run.json
}

# made SECONDS...: a file of one result with these samples.
made() {
    jq -n '{schema_version: 1, environment: {}, results: [{workload: "gemm", version: 1, operation: "gemm", shape: "1", flops: 1,
        bytes: 0, seconds: $ARGS.positional | map(tonumber)}]}' --args "$@"
}

@test "the JSON has its parts, and each result its fields" {
    jq -e '.schema_version == 1 and (.environment | .device and .driver and .platform and .compiler and .vqdna and .date
        and has("tuning") and (.loads_start | length == 3) and (.clocks | has("device_mhz")))' run.json
    jq -e '.peak | [.fma_gflops, .bandwidth_gbs, .launch_s, .finish_s, .upload_gbs, .download_gbs] | all(type == "number" and . > 0)' run.json
    jq -e '[.results[].workload] | unique == ["conv", "peak"]' run.json
    jq -e '.results | all(.state == "measured" and .version >= 1 and (.verified | length > 0) and .repeats >= 5
        and (.seconds | length) == .repeats)' run.json
}

@test "the figures follow from the samples" {
    jq -e '.results | all((.seconds | min) == .min_s and .min_s <= .median_s and .median_s <= .p90_s)' run.json
    jq -e '.results | all(.gflops == null or ((.gflops * .median_s * 1e9 / .flops - 1) | fabs) < 1e-6)' run.json
    jq -e '.peak as $p | .results | map(select(.workload == "conv"))
        | all(((([.gflops / $p.fma_gflops, .gbs / $p.bandwidth_gbs] | max) * 100 / .percent_of_peak - 1) | fabs) < 1e-6)' run.json
}

@test "the table names what the JSON names" {
    jq -r '.results[] | .operation + " " + .shape' run.json >names
    while read -r operation shape; do
        grep -E "$operation" table | grep -qF -- "$shape"
    done < <(sed 's/+/\\+/' names)
    grep -q '^Peaks: ' table
}

@test "the roofline is a picture with a dot for each result" {
    command -v xmllint >/dev/null && xmllint --noout run.svg
    dots=$(jq '[.results[] | select(.workload == "conv")] | length' run.json)
    [ "$(grep -c 'stroke="#fff"' run.svg)" -eq "$dots" ]
    grep -q 'GFLOP/s' run.svg
}

@test "--json prints the same on standard output alone" {
    run --separate-stderr "$VQDNA" bench -q --quick --json peak
    [ "$status" -eq 0 ]
    jq -e '.results | all(.workload == "peak")' <<<"$output"
}

@test "compare accepts equal files and finds an injected regression" {
    run --separate-stderr "$VQDNA" bench --compare run.json run.json
    [ "$status" -eq 0 ]
    [[ $output == *"0 slower, 0 faster"* ]]
    slowed 3 conv >slow.json
    run --separate-stderr "$VQDNA" bench --compare run.json slow.json
    [ "$status" -eq 1 ]
    [ "$(grep -c SLOWER <<<"$output")" -eq "$(jq '[.results[] | select(.workload == "conv")] | length' run.json)" ]
    run --separate-stderr "$VQDNA" bench --compare slow.json run.json
    [ "$status" -eq 0 ]
    [[ $output == *faster* ]]
    run --separate-stderr "$VQDNA" bench --compare --threshold 250 run.json slow.json
    [ "$status" -eq 0 ]
}

@test "compare calls a slower peak the machine's, not the program's" {
    slowed 3 peak >machine.json
    run --separate-stderr "$VQDNA" bench --compare run.json machine.json
    [ "$status" -eq 0 ]
    [[ $stderr == *"machine's own peaks"* ]]
}

@test "compare knows chance: overlapping samples, or too few of them, prove nothing" {
    made 1 2 3 4 5 6 7 >a.json
    made 1.5 2.5 3.5 4.5 5.5 6.5 7.5 >b.json
    "$VQDNA" bench --compare a.json b.json
    made 1 2 3 >few.json
    made 11 12 13 >slower.json
    "$VQDNA" bench --compare few.json slower.json
    made 1 2 3 4 5 >a.json
    made 6 7 8 9 10 >b.json
    run --separate-stderr "$VQDNA" bench --compare a.json b.json
    [ "$status" -eq 1 ]
    [[ $output == *0.0079* ]] # 2 of the 252 ways to split ten ranks
    made 1 1 1 1 1 1 >a.json
    "$VQDNA" bench --compare a.json a.json
}

@test "compare refuses what it cannot read" {
    echo '{"schema_version": 1}' >other.json
    refused 2 "is not from" "$VQDNA" bench --compare run.json other.json
    jq '.schema_version = 99' run.json >newer.json
    refused 2 "schema_version 99" "$VQDNA" bench --compare newer.json run.json
    printf '{\n"a": ]' >broken.json
    refused 2 "line 2" "$VQDNA" bench --compare broken.json run.json
    refused 2 "cannot read" "$VQDNA" bench --compare none.json run.json
    jq 'del(.results[0].seconds)' run.json >cut.json
    refused 2 "result 1" "$VQDNA" bench --compare cut.json run.json
    refused 1 "two files" "$VQDNA" bench --compare run.json
    refused 1 "measures nothing" "$VQDNA" bench --compare --json run.json run.json
}

@test "an unknown workload names the nearest, before any device is opened" {
    export OCL_ICD_VENDORS=$BATS_TEST_TMPDIR/
    refused 1 "did you mean 'layernorm'" "$VQDNA" bench layrenorm
    refused 1 "did you mean 'gemm'" "$VQDNA" bench peak gem
    refused 1 "--help lists them" "$VQDNA" bench zzzzzzzzzzzzzzz
}

@test "an output that cannot be written is said" {
    run --separate-stderr "$VQDNA" bench -q --quick -o nowhere/run.json peak
    [ "$status" -eq 2 ]
    [[ $stderr == *"nowhere/run.json cannot be written"* ]]
}

# Signals: a command with nothing to save ends at once and leaves nothing behind; train finishes its step, writes a checkpoint and stops.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    genome=$BATS_FILE_TMPDIR/genome.fa
    model=$BATS_FILE_TMPDIR/model
}

# An input that never ends: a pipe open for writing here, with what it begins with.
endless() {
    mkfifo in
    exec 9<>in
    cat "$@" >&9
}

# ends CODE SIGNAL: sends it to the last background command.
ends() {
    local code=0
    kill -"$2" $!
    wait $! || code=$?
    [ "$code" -eq "$1" ] || { echo "SIG$2: status $code"; return 1; }
}

has_temporary() {
    compgen -G "$1*.tmp" >/dev/null
}

@test "tokenize and detokenize: INT, TERM and HUP leave nothing and end with 130" {
    endless <(printf '>a\nACGT\n')
    for signal in INT TERM HUP; do
        "$VQDNA" tokenize -q -f npy -m "$model" -o out.npy in 3>&- 9>&- &
        wait_for has_temporary out.npy
        ends 130 $signal
        [ "$(ls -A)" = in ]
    done
    genome 1 2 50000 >long.fa
    "$VQDNA" tokenize -q -m "$model" -o long.tsv long.fa
    "$VQDNA" detokenize -q -t 1 -m "$model" -o back.fa long.tsv 3>&- 9>&- &
    wait_for has_temporary back.fa
    ends 130 TERM
    run ! compgen -G 'back.fa*'
}

@test "Ctrl-C ends the loop of a shell, not one command of it" {
    endless <(printf '>a\nACGT\n')
    run timeout -s INT 2 bash -c 'for i in 1 2; do "$0" tokenize -q -m "$1" in; echo "next"; done' "$VQDNA" "$model" 9>&-
    [[ $output != *next* ]]
}

@test "one signal ends a compile and a launch at once" {
    XDG_CACHE_HOME=$PWD/cache POCL_CACHE_DIR=$PWD/pocl "$VQDNA" selftest >selftest.out 3>&- &
    wait_for test -d pocl
    start=$SECONDS
    ends 130 TERM
    [ $((SECONDS - start)) -le 2 ]
    run ! has_temporary cache/vqdna/
    "$VQDNA" train -q "${small[@]}" --set kmeans_batches=256 --set kmeans_rounds=1000 --steps 9 -o m "$genome" 3>&- &
    wait_for test -e m/log.ndjson
    start=$SECONDS
    ends 130 TERM
    [ $((SECONDS - start)) -le 2 ]
    [ ! -e m/model.safetensors ]
}

@test "a reader that goes away ends the writer quietly with 141" {
    genome 1 1 20000 >long.fa # more than a pipe holds
    run bash -c '"$0" tokenize -q -m "$1" long.fa 2>said | head -1; echo "${PIPESTATUS[0]}"' "$VQDNA" "$model"
    [ "${lines[1]}" -eq 141 ]
    [ ! -s said ]
    run bash -c '"$0" selftest | head -1; echo "${PIPESTATUS[0]}"' "$VQDNA"
    [ "${lines[1]}" -eq 141 ]
    # A training only prints, and goes on.
    run bash -c '"$0" train "${@:2}" --steps 60 --report-every 1 -o m "$1" 2>&1 | head -1; echo "${PIPESTATUS[0]}"' \
        "$VQDNA" "$genome" "${small[@]}"
    [ "${lines[1]}" -eq 0 ]
}

@test "nohup: a training does not hear SIGHUP" {
    nohup "$VQDNA" train -q "${small[@]}" --steps 60 --report-every 1 -o m "$genome" 3>&- &
    wait_for grep -qs step m/log.ndjson
    ends 0 HUP
    [ -s m/metrics.json ]
}

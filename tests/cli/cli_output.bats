# Where results go: what is never replaced, links, modes, mounted files, folders with an owner, what dead processes leave.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    printf '>r\nACGTACGTAC\n' >r.fa
}

teardown() {
    ! mountpoint -q mounted || umount mounted
}

tokens() {
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$@"
}

# unchanged FILE COMMAND...: refused with a sentence, and FILE is as it was, alone.
unchanged() {
    local file=$1 before
    before=$(sha256sum "$file")
    shift
    run --separate-stderr "$@"
    [ "$status" -eq 1 ]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ "$(sha256sum "$file")" = "$before" ]
    nothing_left .
}

@test "an output is never an input" {
    ln -s r.fa link.fa
    ln r.fa hard.fa
    mkdir sub
    unchanged r.fa tokens -o r.fa r.fa
    unchanged r.fa tokens --force -o link.fa r.fa
    unchanged r.fa tokens -o ./sub/../r.fa link.fa
    unchanged r.fa tokens -o hard.fa r.fa
    unchanged r.fa tokens -o r.fa - <r.fa
    cp r.fa before.fa
    run -1 sh -c '"$@" >>r.fa' _ "$VQDNA" tokenize -q -m "$model" r.fa
    cmp r.fa before.fa
    tokens -f npy -o t r.fa
    unchanged t.tsv "$VQDNA" detokenize -q --force -m "$model" -o t.tsv t
    unchanged t "$VQDNA" detokenize -q --force -m "$model" -o t t
}

@test "an output is never a file of the model in use, there or not" {
    cp -r "$model" m
    rm m/config.json
    ln -s m n
    local file
    for file in m/model.safetensors n/trainer.safetensors; do
        unchanged "$file" tokens --force -m m -o "$file" r.fa
    done
    run --separate-stderr "$VQDNA" tokenize -q -m m -o n/config.json r.fa
    [ "$status" -eq 1 ]
    [ ! -e m/config.json ]
    tokens -m m -o m/tokens.tsv r.fa
}

@test "a file of another kind is replaced with --force only, one of the same kind always" {
    tokens -o t.tsv r.fa
    tokens -o t.tsv r.fa
    cp r.fa other.fa
    unchanged other.fa tokens -o other.fa r.fa
    unchanged t.tsv tokens -f npy -o t r.fa
    [ ! -e t ]
    unchanged t.tsv tokens -f ndjson -o t.tsv r.fa
    unchanged t.tsv "$VQDNA" detokenize -q -m "$model" -o t.tsv t.tsv
    unchanged r.fa "$VQDNA" tune -q --export r.fa
    "$VQDNA" tune -q --export tuning
    "$VQDNA" tune -q --export tuning
    VQDNA_TUNE_FILE=tuning unchanged tuning "$VQDNA" tune -q --export ./tuning
    tokens --force -o other.fa r.fa
    cmp other.fa t.tsv
    : >empty
    tokens -o empty r.fa
    tokens -f npy -o a.npy r.fa
    tokens -f npy -o a.npy r.fa
    "$VQDNA" detokenize -q -m "$model" -o back.fa a.npy
    "$VQDNA" detokenize -q -m "$model" -o back.fa t.tsv
}

@test "a training replaces neither its inputs nor what no training wrote" {
    mkdir m
    cp "$BATS_FILE_TMPDIR/genome.fa" m/log.ndjson
    unchanged m/log.ndjson "$VQDNA" train -q "${small[@]}" --steps 1 --force -o m m/log.ndjson
    unchanged m/log.ndjson "$VQDNA" train -q "${small[@]}" --steps 1 -o m "$BATS_FILE_TMPDIR/genome.fa"
    unchanged m/log.ndjson "$VQDNA" train -q "${small[@]}" --steps 1 --force --eval m/log.ndjson -o m "$BATS_FILE_TMPDIR/genome.fa"
    [ "$(ls -A m)" = log.ndjson ]
}

@test "links are followed, modes kept" {
    mkdir sub
    ln -s sub/real out.tsv
    tokens -o out.tsv r.fa
    [ -L out.tsv ] && [ -s sub/real ]
    chmod 640 sub/real
    tokens -o out.tsv r.fa
    [ -L out.tsv ] && [ "$(stat -c %a sub/real)" = 640 ]
    (umask 077 && tokens -o new.tsv r.fa)
    [ "$(stat -c %a new.tsv)" = 600 ]
}

@test "a planted link is not followed" {
    echo precious >victim
    # The names of earlier versions, which told the process that will write.
    bash -c 'ln -s victim out.tsv.$$.tmp; exec "$@"' _ "$VQDNA" tokenize -q -m "$model" -o out.tsv r.fa
    [ "$(cat victim)" = precious ]
    [ -s out.tsv ]
}

@test "standard output by another name shares its position" {
    { echo before; tokens -o /dev/stdout r.fa; echo after; } >all
    [ "$(head -1 all)" = before ] && [ "$(tail -1 all)" = after ]
    [ "$(wc -l <all)" -eq 17 ]
    tokens -o /dev/fd/3 r.fa 3>fd
    cmp <(tokens r.fa) fd
    tokens -o /dev/null r.fa
    mkfifo pipe
    cat pipe >from & tokens -o pipe r.fa
    wait
    cmp fd from
    refused 1 "regular file" "$VQDNA" tokenize -q -f npy -m "$model" -o /dev/null r.fa
}

@test "a mounted file is written in place" {
    tokens -o outside.tsv r.fa
    : >mounted
    mount --bind outside.tsv mounted 2>/dev/null || skip "mounting is not permitted here"
    printf '>r\nAC\n' >short.fa
    tokens -o mounted short.fa
    cmp mounted outside.tsv
    cmp <(tokens short.fa) outside.tsv
    nothing_left .
}

@test "a folder has one training at a time; a killed one leaves no lock" {
    mkfifo held
    "$VQDNA" train -q "${small[@]}" --steps 2 -o m - <held 3>&- &
    local pid=$!
    exec 4>held
    for _ in {1..100}; do
        [ -d m ] && ! flock -n m true && break
        sleep 0.05
    done
    refused 2 "another training" "$VQDNA" train -q "${small[@]}" --steps 2 -o m r.fa
    refused 2 "another training" "$VQDNA" train -q "${small[@]}" --steps 2 --force -o m r.fa
    [ -d m ]
    kill -KILL $pid
    wait $pid || true
    exec 4>&-
    "$VQDNA" train -q "${small[@]}" --steps 2 -o m "$BATS_FILE_TMPDIR/genome.fa"
}

@test "what dead processes left is removed, what living ones write is not" {
    local dead name
    bash -c 'echo $$' >pid
    dead=$(cat pid)
    tokens -o t.tsv r.fa
    touch "t.tsv.$dead-0123456789abcdef.tmp" "t.tsv.$dead.tmp" "t.tsv.$$.tmp" "u.tsv.$dead.tmp" "t.tsv.$dead.tmp.txt"
    touch "t.tsv.$dead-aa.tmp"
    exec 5>"t.tsv.$dead-aa.tmp"
    flock 5
    tokens -o t.tsv r.fa
    exec 5>&-
    [ "$(ls t.tsv?* u*)" = "$(printf '%s\n' "t.tsv.$$.tmp" "t.tsv.$dead-aa.tmp" "t.tsv.$dead.tmp.txt" "u.tsv.$dead.tmp" | sort)" ]
    mkdir m
    for name in config.json model.safetensors trainer.json trainer.safetensors log.ndjson metrics.json training.svg; do
        touch "m/$name.$dead-1.tmp"
    done
    touch "m/mine.$dead-1.tmp"
    "$VQDNA" train -q "${small[@]}" --steps 1 -o m "$BATS_FILE_TMPDIR/genome.fa"
    [ "$(ls m/*.tmp)" = "m/mine.$dead-1.tmp" ]
}

@test "what the driver said decides the sentence: only a lack of memory asks for a smaller batch" {
    ! grep -q __asan_init "$VQDNA" || skip "AddressSanitizer must be loaded first"
    [ -n "${FAULT:-}" ] || skip "the preloaded library is not built"
    export LD_PRELOAD=$FAULT
    VQ_FAULT="clEnqueueFillBuffer 1 -4" run --separate-stderr "$VQDNA" train -q "${small[@]}" --steps 1 -o m r.fa
    [ "$status" -eq 3 ]
    [[ $stderr == *"smaller batch"* ]]
    VQ_FAULT="clEnqueueFillBuffer 1 -5" run --separate-stderr "$VQDNA" train -q "${small[@]}" --steps 1 -o m r.fa
    [ "$status" -eq 3 ]
    [[ $stderr == *"out of device resources"* && $stderr != *"smaller batch"* ]]
}

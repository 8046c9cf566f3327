# train: files, determinism, interruption, resuming, full disks.
load common

setup_file() {
    genome 1 2 3000 >"$BATS_FILE_TMPDIR/genome.fa"
    genome 3 1 1000 >"$BATS_FILE_TMPDIR/held_out.fa"
    "$VQDNA" train -q "${small[@]}" --steps 60 --report-every 5 --eval "$BATS_FILE_TMPDIR/held_out.fa" \
        -o "$BATS_FILE_TMPDIR/whole" "$BATS_FILE_TMPDIR/genome.fa"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    genome=$BATS_FILE_TMPDIR/genome.fa
    whole=$BATS_FILE_TMPDIR/whole
    train=("$VQDNA" train -q "${small[@]}" --report-every 5)
}

teardown() {
    ! mountpoint -q small_disk || umount small_disk
}

# What a log says besides the clock.
log_without_clock() {
    sed -E 's/,"(seconds|bases_per_second)":[^,}]*//g' "$1/log.ndjson"
}

@test "a training leaves model, trainer, log, metrics and curves" {
    for file in config.json model.safetensors trainer.json trainer.safetensors log.ndjson metrics.json training.svg; do
        [ -s "$whole/$file" ]
    done
    [ "$(ls -A "$whole" | wc -l)" -eq 7 ]
    [ "$(wc -l <"$whole/log.ndjson")" -eq 12 ]
    tail -1 "$whole/log.ndjson" | grep -q '"step":60,"steps":60'
    grep -q '"reconstruction_accuracy": 0\.' "$whole/metrics.json"
    grep -q '"files"' "$whole/metrics.json"
    grep -q '"program": "vqdna"' "$whole/metrics.json"
    head -c 5 "$whole/training.svg" | grep -q '<svg'
    tail -1 "$whole/training.svg" | grep -q '</svg>'
}

@test "two trainings with one seed are identical, another seed differs" {
    "${train[@]}" --steps 60 -o again "$genome"
    cmp again/model.safetensors "$whole/model.safetensors"
    diff <(log_without_clock again) <(log_without_clock "$whole")
    "${train[@]}" --steps 60 --seed 2 -o other "$genome"
    run ! cmp -s other/model.safetensors "$whole/model.safetensors"
}

@test "the number of threads does not change the model" {
    "${train[@]}" --steps 60 -t 1 -o single "$genome"
    cmp single/model.safetensors "$whole/model.safetensors"
}

@test "killed with SIGKILL and resumed: the model and log of the uninterrupted training" {
    "${train[@]}" --steps 60 --checkpoint-every 0 -o killed "$genome" 3>&- &
    wait_for test -s killed/trainer.json
    kill -9 $!
    wait $! || [ $? -eq 137 ]
    "${train[@]}" --resume -o killed "$genome"
    cmp killed/model.safetensors "$whole/model.safetensors"
    diff <(log_without_clock killed) <(log_without_clock "$whole")
}

@test "Ctrl-C, SIGTERM and SIGHUP write a checkpoint and end with 130; --resume goes on to the same model" {
    for signal in INT TERM HUP; do
        rm -rf stopped
        "$VQDNA" train "${small[@]}" --steps 60 --report-every 1 -o stopped "$genome" 2>said 3>&- &
        wait_for grep -qs step stopped/log.ndjson
        kill -$signal $!
        code=0
        wait $! || code=$?
        if [ $code -ne 130 ]; then
            cat said
            return 1
        fi
        tail -1 said | grep -q -- '--resume goes on'
        [ -s stopped/trainer.json ]
        [ ! -e stopped/metrics.json ]
        "${train[@]}" --resume -o stopped "$genome"
        cmp stopped/model.safetensors "$whole/model.safetensors"
    done
}

@test "a finished training resumes to itself" {
    cp -r "$whole" done
    "${train[@]}" --resume -o done "$genome"
    cmp done/model.safetensors "$whole/model.safetensors"
    cmp done/log.ndjson "$whole/log.ndjson"
}

@test "--resume without a checkpoint begins, with other sequences it refuses" {
    "${train[@]}" --resume --steps 5 -o fresh "$genome"
    [ -s fresh/model.safetensors ]
    cp -r fresh before
    genome 9 2 3000 >other.fa
    refused 2 fresh "${train[@]}" --resume -o fresh other.fa
    diff -r fresh before
}

@test "damaged checkpoints are refused and left alone" {
    cp -r "$whole" bad
    truncate -s -4 bad/trainer.safetensors
    cp -r bad before
    refused 2 bad/trainer.safetensors "${train[@]}" --resume -o bad "$genome"
    diff -r bad before
    rm bad/trainer.safetensors
    refused 2 trainer.safetensors "${train[@]}" --resume -o bad "$genome"
    rm before/trainer.safetensors
    diff -r bad before
}

@test "a crash between the files of a checkpoint: trainer.safetensors alone resumes, and what was half-written goes" {
    cp -r "$whole" torn
    rm torn/trainer.json torn/model.safetensors torn/config.json
    head -c 100 "$whole/model.safetensors" >torn/model.safetensors.999999999-0.tmp
    "${train[@]}" --resume -o torn "$genome"
    cmp torn/model.safetensors "$whole/model.safetensors"
    nothing_left torn
}

@test "a second Ctrl-C ends a long step at once; the model before it stands" {
    cp -r "$whole" twice
    "$VQDNA" train "${small[@]}" --set unquantized=1 --set kmeans_batches=256 --set kmeans_rounds=1000 --steps 9 --report-every 1 \
        --force -o twice "$genome" 2>said 3>&- &
    wait_for grep -qs '"steps":9' twice/log.ndjson
    kill -INT $!
    sleep 0.4
    kill -INT $!
    code=0
    wait $! || code=$?
    [ $code -eq 130 ]
    run ! grep -q stopped said
    cmp twice/model.safetensors "$whole/model.safetensors"
    nothing_left twice
}

@test "a model is not overwritten without --force" {
    cp -r "$whole" kept
    refused 1 "--resume" "${train[@]}" --steps 5 -o kept "$genome"
    diff -r kept "$whole"
    echo broken >broken.fa
    refused 2 broken.fa "${train[@]}" --steps 5 --force -o kept broken.fa
    diff -r kept "$whole"
    "${train[@]}" --steps 5 --force -o kept "$genome"
    [ "$(wc -l <kept/log.ndjson)" -eq 1 ]
}

@test "--plan prints the memory plan and trains nothing" {
    mkdir here && cd here
    run --separate-stderr "$VQDNA" train "${small[@]}" --plan
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == tensor*role*shape*bytes* ]]
    [[ ${lines[-1]} == *"largest batch"* ]]
    run --separate-stderr "$VQDNA" train "${small[@]}" --preset base --plan --batch 32000
    [ "$status" -eq 3 ]
    [[ ${lines[0]} == tensor*role*shape*bytes* ]]
    [[ ${lines[-1]} == *"largest batch"* ]]
    [[ $stderr == *"use a smaller batch"* ]]
    refused 1 "leave out --resume" "$VQDNA" train "${small[@]}" --plan --resume -o there
    [ -z "$(ls -A)" ]
}

@test "vq, and codes scarce for the decoder, train and tokenize" {
    "${train[@]}" --quantizer vq --steps 10 -o vq "$genome"
    "$VQDNA" tokenize -q -m vq "$genome" | sed -n 3p | grep -qx $'#contig\tstart\tlevel1'
    "${train[@]}" --set decoder_stride=4 --steps 10 -o scarce "$genome"
    "$VQDNA" eval -q --json -m scarce "$genome" | grep -q reconstruction_accuracy
}

@test "a learning rate that explodes ends with 4" {
    run --separate-stderr "${train[@]}" --set learning_rate=10 --set weight_decay=10 --set warmup=1 --steps 60 -o hot "$genome"
    [ "$status" -eq 4 ]
    [ -n "$stderr" ]
    [ ! -e hot/metrics.json ]
}

@test "a checkpoint that outgrows a limit of the file size: one sentence, 2, the checkpoint before stands" {
    # Drivers write files too, PoCL a preprocessed source of a megabyte: the checkpoint is larger.
    train=("$VQDNA" train -q --set dim=64 --set stem=16 --set codes=256 --window 64 --batch 4)
    "${train[@]}" --steps 5 -o full "$genome"
    cp -r full before
    run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 2500; exec "$@"' - "${train[@]}" --resume -o full "$genome"
    [ "$status" -eq 2 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *full/*"File too large" ]]
    cmp full/model.safetensors before/model.safetensors
    cmp full/trainer.safetensors before/trainer.safetensors
    nothing_left full
}

@test "progress at a terminal: one line redrawn, cut to its width; with -q nothing" {
    command -v script >/dev/null || skip "no script(1)"
    script -qc true /dev/null >/dev/null 2>&1 || skip "no pseudo-terminals here"
    genome 5 1 500 >g.fa
    at_terminal() { # COLUMNS OPTION...
        local columns=$1
        shift
        script -qc "stty cols $columns; '$VQDNA' train ${small[*]} --steps 60 --report-every 5 $* g.fa" typescript \
            </dev/null >/dev/null
        sed '1d;$d' typescript | tr '\r' '\n' | grep -v '^$' | sed 's/\x1b\[K//g' >screen
    }
    at_terminal 200 -o wide
    grep -q '^step 60/60  0:00 left  loss .* codes .* ppl .* bases/s$' screen
    at_terminal 50 -o narrow
    [ "$(grep '^step' screen | awk 'length($0) >= 50' | wc -l)" -eq 0 ]
    grep -q '^step 60/60  0:00 left  loss [0-9.]*' screen
    at_terminal 80 -q -o silent
    [ ! -s screen ]
}

@test "the end is a summary: loss, evaluation, codes, time, where" {
    "$VQDNA" train "${small[@]}" --steps 60 --eval "$BATS_FILE_TMPDIR/held_out.fa" -o summed "$genome" 2>said
    for text in "60 steps on" "loss *[0-9]" "reconstruction .*%.*%" "level 2 codes used" "perplexity" "time" "written to summed"; do
        grep -q "$text" said
    done
    [ "$(wc -l <said)" -lt 24 ]
    [ "$(grep -c compiling said)" -le 1 ]
}

@test "the disk fills up during a training: one sentence, 2, the checkpoint before stands" {
    mkdir small_disk
    mount -t tmpfs -o size=4m tmpfs small_disk 2>/dev/null || skip "mounting a tmpfs is not permitted here"
    "${train[@]}" --steps 100000 --checkpoint-every 0 -o small_disk/model "$genome" 2>said 3>&- &
    wait_for test -s small_disk/model/trainer.json
    head -c 9000000 /dev/zero >small_disk/filler 2>/dev/null || true
    code=0
    wait $! || code=$?
    [ $code -eq 2 ]
    [ "$(wc -l <said)" -eq 1 ]
    grep -q small_disk/model said
    rm small_disk/filler
    [ -z "$(find small_disk -name '*tmp*')" ]
    "$VQDNA" info small_disk/model >/dev/null
    "$VQDNA" tokenize -q -m small_disk/model "$genome" >/dev/null
    step=$(grep -c . small_disk/model/log.ndjson)
    "${train[@]}" --resume --checkpoint-every 0 -o small_disk/model "$genome" 2>/dev/null 3>&- &
    wait_for eval '[ "$(grep -c . small_disk/model/log.ndjson)" -gt "$step" ]'
    kill -INT $!
    wait $! || [ $? -eq 130 ]
}

@test "a held-out file that cannot be evaluated on is told before the training" {
    printf '>p\nMKVLAAGIV\n>q\nNNNN\n' >protein.fa
    printf '>r\nNNNN\n' >unknown.fa
    refused 2 protein.fa "${train[@]}" --steps 5 --eval protein.fa -o m "$genome"
    refused 2 "nothing to evaluate on" "${train[@]}" --steps 5 --eval unknown.fa -o m "$genome"
    refused 1 "standard input" "${train[@]}" --steps 5 --eval - -o m - <"$genome"
    [ ! -e m ]
    "${train[@]}" --steps 5 --eval - -o m "$genome" <"$BATS_FILE_TMPDIR/held_out.fa"
    grep -q '"eval"' m/metrics.json
}

@test "what the training made is written whatever the evaluation comes to" {
    printf '>p\nMKVLAAGIV\n' >protein.fa
    run --separate-stderr "${train[@]}" --steps 5 --eval <(cat protein.fa) -o m "$genome"
    [ "$status" -eq 2 ]
    [ -s m/training.svg ]
    grep -q '"training"' m/metrics.json
    run ! grep -q '"eval"' m/metrics.json
}

@test "stopped between two reports and resumed: the log and the model of a run that was not" {
    run_of=("$VQDNA" train -q "${small[@]}" --steps 1500 --report-every 1000)
    "${run_of[@]}" -o straight "$genome"
    "${run_of[@]}" -o stopped "$genome" 2>/dev/null 3>&- &
    wait_for test -e stopped/log.ndjson
    sleep 0.7
    kill -TERM $!
    wait $! || true
    "${run_of[@]}" --resume -o stopped "$genome"
    cmp stopped/model.safetensors straight/model.safetensors
    diff <(log_without_clock stopped) <(log_without_clock straight)
}

@test "resume with other options is refused and says what the run goes by; with the same it goes on" {
    "${train[@]}" --steps 10 -o m "$genome"
    cp m/model.safetensors before
    refused 1 "steps=10" "${train[@]}" --steps 20 --resume -o m "$genome"
    refused 1 "--init m" "${train[@]}" --steps 20 --resume -o m "$genome"
    refused 1 "seed=1" "${train[@]}" --resume --seed 7 -o m "$genome"
    refused 1 "dim=32" "$VQDNA" train -q --set dim=33 --resume -o m "$genome"
    "${train[@]}" --steps 10 --seed 1 --resume -o m "$genome"
    cmp m/model.safetensors before
}

@test "a model is trained further on other data and keeps its vocabulary" {
    genome 9 1 2000 >other.fa
    "$VQDNA" train -q --batch 4 --window 64 --init "$whole" --steps 1 --set learning_rate=1e-7 -o further other.fa
    grep -q '"step": 61' further/config.json
    "$VQDNA" tokenize -q --no-provenance -m "$whole" -o before.tsv "$genome"
    "$VQDNA" tokenize -q --no-provenance -m further -o after.tsv "$genome"
    same=$(paste before.tsv after.tsv | grep -v '^#' | awk '$3 == $7 && $4 == $8' | wc -l)
    [ "$same" -gt 5400 ] # of 6000
    refused 1 "--init gives" "$VQDNA" train -q --init "$whole" --set dim=8 -o no "$genome"
    refused 1 "--init begins" "$VQDNA" train -q --init "$whole" --resume -o further "$genome"
    refused 2 nowhere "$VQDNA" train -q --init nowhere -o no "$genome"
}

@test "no length of a run is no length: steps, epochs and seconds of 0, seeds past 2^53" {
    for option in steps epochs seconds; do
        refused 1 "$option" "${train[@]}" --$option 0 -o no "$genome"
    done
    refused 1 seed "${train[@]}" --seed 9007199254740993 -o no "$genome"
    refused 1 seed "${train[@]}" --set seed=9007199254740993 -o no "$genome"
    refused 1 "two seeds" "${train[@]}" --seed 2 --set seed=3 -o no "$genome"
    [ ! -e no ]
}

# vqdna embed: what it refuses, and what it leaves behind. tests/readme_python.py looks at the numbers.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    genome=$BATS_FILE_TMPDIR/genome.fa
}

@test "a row a record, named, the same however batches are cut" {
    "$VQDNA" embed -q --no-provenance -m "$model" -o a.npy "$genome"
    [ "$(grep -v '^#' a.npy.tsv | tr '\t' ' ')" = "$(printf 'contig1 0 1 3000 3000\ncontig2 1 1 3000 3000')" ]
    [ "$(stat -c %s a.npy)" = $((128 + 2 * 32 * 4)) ]
    "$VQDNA" embed -q --no-provenance -m "$model" --batch 200 -o b.npy "$genome"
    cmp a.npy b.npy
    "$VQDNA" embed -q -m "$model" -o a.npy --pool none --level all "$genome"
    [ "$(stat -c %s a.npy)" = $((128 + 6000 * 64 * 4)) ]
    grep -q '^#provenance {.*"model_sha256"' a.npy.tsv
    nothing_left .
}

@test "what is wrong is said" {
    refused 1 "name a file with -o" "$VQDNA" embed -m "$model" "$genome"
    refused 1 "name a file with -o" "$VQDNA" embed -m "$model" -o - "$genome"
    refused 1 "leave .gz off" "$VQDNA" embed -m "$model" -o a.npy.gz "$genome"
    refused 1 "did you mean mean" "$VQDNA" embed -m "$model" -o a.npy --pool meen "$genome"
    refused 1 "did you mean encoder" "$VQDNA" embed -m "$model" -o a.npy --from encodr "$genome"
    refused 1 "--level takes a level" "$VQDNA" embed -m "$model" -o a.npy --level 0 "$genome"
    refused 1 "--level takes a level" "$VQDNA" embed -m "$model" -o a.npy --level 1x "$genome"
    refused 1 "--level 3: the model has 2" "$VQDNA" embed -m "$model" -o a.npy --level 3 "$genome"
    refused 2 "absent.fa" "$VQDNA" embed -m "$model" -o a.npy absent.fa
    [ ! -e a.npy ]
    "$VQDNA" tokenize -q -m "$model" -o t.npy "$genome"
    refused 1 "t.npy exists and is something else" "$VQDNA" embed -m "$model" -o t.npy "$genome"
    mkfifo pipe
    refused 1 "regular file" "$VQDNA" embed -m "$model" -o /dev/null "$genome"
    nothing_left .
}

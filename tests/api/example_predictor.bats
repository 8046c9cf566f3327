# The example of a predictor, $EXAMPLE: that it learns, tells right labels, keeps its model, and what it says of wrong inputs.
load ../cli/common

setup_file() {
    labelled 1 1000 40 >"$BATS_FILE_TMPDIR/table.csv"
    # Other sequences, with their labels in their names.
    labelled 2 40 40 | awk -F, 'NR > 1 { printf ">r%d_%s\n%s\n", NR, $2, $1 }' >"$BATS_FILE_TMPDIR/records.fa"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    table=$BATS_FILE_TMPDIR/table.csv
    records=$BATS_FILE_TMPDIR/records.fa
}

# learned FILE: the MCC is above 0.5 with its interval around it, and of the 40 records at least 34 have the label in their name.
learned() {
    awk '/^test:/ { mcc = $5; gsub(/[(]/, ""); low = $6 } END { exit !(mcc > 0.5 && low > 0.3 && low <= mcc) }' "$1"
    awk -F'\t' 'NF == 3 { split($1, name, "_"); all++; right += name[2] == $2 && $3 > 0.5 && $3 <= 1 }
        END { exit !(all == 40 && right >= 34) }' "$1"
}

@test "it learns a word from bases, and the program goes on with the model it keeps" {
    "$EXAMPLE" "$table" "$records" m >out || { cat out; false; }
    learned out || { cat out; false; }
    grep -q '^step 344 of 344  loss 0\.[0-9]*  dev MCC ' out
    "$VQDNA" predict -q --no-provenance -m m "$records" >told
    cmp <(awk -F'\t' 'NF == 3 { print $1, $2 }' out) <(awk -F'\t' '/^r[0-9]/ { print $1, $4 }' told) || { head -5 told; false; }
}

@test "it learns from a tokenizer's codes, and keeps the tokenizer" {
    train_once
    "$EXAMPLE" "$table" "$records" m "$BATS_FILE_TMPDIR/model" >out || { cat out; false; }
    grep -q 'vqdna-classify over codes' out
    learned out || { cat out; false; }
    [ -e m/tokenizer/model.safetensors ]
}

@test "exit codes and sentences" {
    refused 1 'usage: ' "$EXAMPLE" "$table" "$records"
    refused 2 'missing.csv' "$EXAMPLE" missing.csv "$records" m
    refused 2 'missing.fa' "$EXAMPLE" "$table" missing.fa m
    [ ! -e m ]
    run --separate-stderr env VQDNA_DEVICE=none-such "$EXAMPLE" "$table" "$records" m
    [ "$status" -eq 3 ]
    [[ $stderr == *none-such* ]]
    # A record longer than the model reads is met after the training, which is not lost.
    { echo '>long'; printf 'ACGTACGT%.0s' {1..100}; echo; } >long.fa
    run --separate-stderr "$EXAMPLE" "$table" long.fa m
    [ "$status" -eq 2 ]
    [[ $stderr == 'example_predictor: long is longer than '* ]]
    [ -e m/model.safetensors ]
}

# probe: labelled tables, features, scores, and what is refused.
load common

setup_file() {
    train_once
    labelled 1 600 80 >"$BATS_FILE_TMPDIR/train.csv"
    labelled 2 300 80 >"$BATS_FILE_TMPDIR/dev.csv"
    labelled 3 300 80 >"$BATS_FILE_TMPDIR/test.csv"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR"/*.csv .
    sets=(--train train.csv --dev dev.csv --test test.csv)
}

mcc() { # of test, from JSON
    grep -A3 '"test": {' | grep -oE '"mean": [-0-9.e]+' | head -1 | cut -d' ' -f2
}

@test "words that hold the answer tell it, those too short to do not" {
    long=$("$VQDNA" probe -q --json "${sets[@]}" --features kmer:7 | mcc)
    short=$("$VQDNA" probe -q --json "${sets[@]}" --features kmer:1 | mcc)
    above "$long" 0.9
    above 0.4 "$short"
    # A word in two parts with a gap sees it too; the base at each place does not.
    above "$("$VQDNA" probe -q --json "${sets[@]}" --features kmer:3+3:gap=1 | mcc)" 0.8
    above 0.4 "$("$VQDNA" probe -q --json "${sets[@]}" --features onehot | mcc)"
}

@test "canonical words see both strands" {
    awk -F, 'NR == 1 { print; next } { s = $1; if (NR % 2) { r = ""; for (i = length(s); i; i--) { c = substr(s, i, 1)
        r = r (c == "A" ? "T" : c == "C" ? "G" : c == "G" ? "C" : "A") } s = r } print s "," $2 }' test.csv >turned.csv
    plain=$("$VQDNA" probe -q --json --train train.csv --dev dev.csv --test turned.csv --features kmer:7 | mcc)
    both=$("$VQDNA" probe -q --json --train train.csv --dev dev.csv --test turned.csv --features kmer:7:canonical | mcc)
    above "$both" 0.9
    above 0.8 "$plain"
}

@test "codes and vectors of a model, and of the untrained one" {
    for features in codes codes:level=2 codes:frequency pairs:0 pairs:3 embedding:mean embedding:max encoder:mean encoder:max random \
        random:encoder:mean codes,kmer:3 codes@10 codes,place:20; do
        "$VQDNA" probe -q --json "${sets[@]}" -m "$model" --features $features >out.json
        grep -q "\"features\": \"$features\"" out.json
        value=$(mcc <out.json)
        above "$value" -0.5
        grep -q '"model_sha256"' out.json
    done
    "$VQDNA" probe -q --json --no-provenance "${sets[@]}" -m "$model" | grep -v seconds >a
    "$VQDNA" probe -q --json --no-provenance "${sets[@]}" -m "$model" --features codes | grep -v seconds >b
    cmp a b
}

@test "seeds are run where something depends on them" {
    "$VQDNA" probe --json "${sets[@]}" --seeds 3 --features kmer:3 >out.json 2>said
    grep -q '"seeds": 1' out.json
    grep -q "nothing here depends on a seed" said
    "$VQDNA" probe -q --json --train train.csv --test test.csv --seeds 3 --features kmer:7 >out.json
    grep -q '"seeds": 3' out.json
    grep -q '"dev_split_from_train": true' out.json
    "$VQDNA" probe -q --train train.csv --test test.csv --features kmer:7 | grep -q "held out of them"
}

@test "predictions are written, and compared row by row" {
    "$VQDNA" probe -q "${sets[@]}" --features kmer:7 -o long.tsv >/dev/null
    [ "$(grep -vc '^#' long.tsv)" -eq 300 ]
    grep -v '^#' long.tsv | cut -f2 | diff - <(tail -n +2 test.csv | cut -d, -f2)
    "$VQDNA" probe -q "${sets[@]}" --features kmer:1 --against long.tsv --json >out.json
    difference=$(grep -oE '"mcc_difference": [-0-9.]+' out.json | cut -d' ' -f2)
    above -0.4 "$difference"
    high=$(grep -A4 '"mcc_difference"' out.json | grep -oE '"high": [-0-9.]+' | cut -d' ' -f2)
    above 0 "$high"
    "$VQDNA" probe -q "${sets[@]}" --features kmer:7 --against long.tsv | grep -q 'mcc +0.000 (0.000 to 0.000).*p 1'
    refused 2 "not the rows of this test set" "$VQDNA" probe -q --train train.csv --dev test.csv --test dev.csv --against long.tsv
    head -50 long.tsv >cut.tsv
    refused 2 "47 predictions, and the test set has 300 rows" "$VQDNA" probe -q "${sets[@]}" --against cut.tsv
    refused 2 "holds no predictions" "$VQDNA" probe -q "${sets[@]}" --against test.csv
    refused 1 "test.csv" "$VQDNA" probe -q --force "${sets[@]}" -o test.csv
    grep -q '^sequence,label' test.csv
}

@test "leaks are counted" {
    { cat train.csv; sed -n 2,11p test.csv; } >leaky.csv
    "$VQDNA" probe -q --train leaky.csv --dev dev.csv --test test.csv --features kmer:2 | grep -q '^10 of the test sequences stand in'
    "$VQDNA" probe -q --json --train test.csv --dev dev.csv --test test.csv --features kmer:2 >out.json
    grep -q '"test_rows_in_train": 300' out.json
    grep -A3 '"lookup": {' out.json | grep -q '"mean": 1.0'
}

@test "labels may be words, and more than two" {
    awk -F, 'NR == 1 { print "name\tDNA\tclass"; next } { c = $1 ~ /GATTACA/ ? "site" : $1 ~ /^A/ ? "a \"start\"" : "else"; print NR "\t" $1 "\t" c }' \
        train.csv >train.tsv
    "$VQDNA" probe -q --json --train train.tsv --test train.tsv --column dna --label class --features kmer:7,onehot >out.json
    grep -A4 '"labels"' out.json | tr -d ' \n' | grep -qF '"labels":["a\"start\"","else","site"]'
    above "$(mcc <out.json)" 0.8
}

@test "features as LIBSVM's text" {
    "$VQDNA" probe -q "${sets[@]}" --features kmer:3 --svmlight m >/dev/null
    [ "$(wc -l <m.train.svm)" -eq 600 ]
    [ "$(wc -l <m.test.svm)" -eq 300 ]
    cut -d' ' -f1 m.test.svm | diff - <(tail -n +2 test.csv | cut -d, -f2)
    awk '{ for (i = 2; i <= NF; i++) { split($i, p, ":"); s += p[2] * p[2] } } END { m = s / NR; exit !(m > 0.9999 && m < 1.0001) }' m.train.svm
}

@test "bad tables" {
    printf 'text,label\nACGT,1\n' >bad.csv
    refused 2 "no column 'sequence'" "$VQDNA" probe -q --train bad.csv --test test.csv
    refused 2 "no column 'klass'" "$VQDNA" probe -q "${sets[@]}" --label klass
    printf 'sequence,label\nACGT,1\nACGT\n' >bad.csv
    refused 2 "bad.csv, line 3" "$VQDNA" probe -q --train bad.csv --test test.csv
    printf 'sequence,label\n"ACGT,1\nACGG,0\n' >bad.csv
    refused 2 "never closed" "$VQDNA" probe -q --train bad.csv --test test.csv
    printf 'sequence,label\nACGT,1\nACGG,1\n' >bad.csv
    refused 2 "every row has the label '1'" "$VQDNA" probe -q --train bad.csv --test test.csv
    printf 'sequence,label\nACGT,1\nACGG,7\n' >bad.csv
    refused 2 "bad.csv, line 3: the label '7' is met in no training row" "$VQDNA" probe -q --train train.csv --dev dev.csv --test bad.csv
    printf 'sequence\nACGT\n' >bad.csv
    refused 2 "no column of labels" "$VQDNA" probe -q --train bad.csv --test test.csv
    refused 2 "nowhere.csv" "$VQDNA" probe -q --train train.csv --test nowhere.csv
    printf 'sequence,label\nACGT,1\nACGG,0\n' >bad.csv
    refused 2 "no two training sequences have a feature in common" "$VQDNA" probe -q --train bad.csv --dev bad.csv --test bad.csv --features kmer:4
}

@test "bad options" {
    refused 1 "which tables" "$VQDNA" probe -q --train train.csv
    refused 1 "did you mean kmer" "$VQDNA" probe -q "${sets[@]}" --features kmre:3
    refused 1 "needs a model" "$VQDNA" probe -q "${sets[@]}" --features codes
    refused 1 "1 to 16 bases" "$VQDNA" probe -q "${sets[@]}" --features kmer:17
    refused 1 "'canoncal'" "$VQDNA" probe -q "${sets[@]}" --features kmer:3:canoncal
    refused 1 "level=9" "$VQDNA" probe -q "${sets[@]}" -m "$model" --features codes:level=9
    refused 1 "names no feature" "$VQDNA" probe -q "${sets[@]}" --features place:3
    refused 1 "B from 1" "$VQDNA" probe -q "${sets[@]}" --features kmer:3@0
    refused 1 "at most 100" "$VQDNA" probe -q "${sets[@]}" --seeds 101
}

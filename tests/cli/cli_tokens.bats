# tokenize and detokenize: formats, round trips, and results that depend on nothing but model and sequence.
load common

setup_file() {
    train_once
    genome 2 3 5000 >"$BATS_FILE_TMPDIR/other.fa"
    printf '>contig9\n>contig9\nACGTTTGA\n>#odd\nACGTACCCA\n' >>"$BATS_FILE_TMPDIR/other.fa"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    other=$BATS_FILE_TMPDIR/other.fa
}

@test "tsv: a row a base, from 0, a code a level below its codebook" {
    "$VQDNA" tokenize -q -m "$model" -o out.tsv "$other"
    head -1 out.tsv | grep -qx '#vqdna tokens'
    sha256=$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)
    sed -n 2p out.tsv | grep -q '^#provenance {"program":"vqdna".*"model_sha256":"'"$sha256"
    sed -n 3p out.tsv | grep -qx $'#contig\tstart\tlevel1\tlevel2'
    tail -n +4 out.tsv | awk -F'\t' '
        $1 != name || $2 == 0 { name = $1; next_start = 0 }
        $3 == "." { next }
        NF != 4 || $2 != next_start++ || $3 !~ /^[0-9]+$/ || $3 >= 64 || $4 !~ /^[0-9]+$/ || $4 >= 128 { exit 1 }
        { n++ } END { exit n != 15017 }'
}

@test "every format gives the same bases back, names and empty records in their place" {
    for format in tsv ndjson npy; do
        "$VQDNA" tokenize -q -m "$model" -f $format -o out.$format "$other"
        "$VQDNA" detokenize -q -m "$model" -o $format.fa out.$format
        flat $format.fa >$format.flat
    done
    cmp tsv.flat ndjson.flat
    cmp tsv.flat npy.flat
    flat "$other" | awk 'NR % 2 { print; next } { print length }' >shape
    awk 'NR % 2 { print; next } { print length }' tsv.flat | diff shape -
    "$VQDNA" tokenize -q -m "$model" "$other" | "$VQDNA" detokenize -q -m "$model" - | flat /dev/stdin | cmp - tsv.flat
    nothing_left .
}

@test "npy is uint16 [bases, levels], its index adds up" {
    "$VQDNA" tokenize -q -m "$model" -f npy -o out.npy "$other"
    head -c 128 out.npy | grep -aq "'descr': '<u2', 'fortran_order': False, 'shape': (15017, 2)"
    [ "$(wc -c <out.npy)" -eq $((128 + 15017 * 4)) ]
    grep -v '^#[vpc]' out.npy.tsv | awk -F'\t' '$2 != sum { exit 1 } { sum += $3 } END { exit sum != 15017 }'
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$other" | grep -v $'\t\\.' | tail -n +3 | cut -f3,4 | head -500 >codes
    tail -c +129 out.npy | od -An -v -t u2 -w4 | awk '{ print $1 "\t" $2 }' | head -500 | diff codes -
}

@test "detokenize agrees with the sequence exactly as often as eval says" {
    "$VQDNA" eval -q --json -m "$model" "$other" >eval.json
    "$VQDNA" tokenize -q -m "$model" "$other" | "$VQDNA" detokenize -q -m "$model" - | flat /dev/stdin >back
    flat "$other" | paste -d' ' - back | awk 'NR % 2 == 0 {
            for (i = 1; i <= length($1); i++)
                same += substr($1, i, 1) == substr($2, i, 1)
        } END { print same }' >same
    grep -q "\"correct\": $(cat same)," eval.json
    [ "$(cat same)" -gt 4000 ]
}

@test "read size, batch and threads change nothing" {
    for format in tsv ndjson npy; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format -o expected.$format "$other"
        for options in "--read-bytes 1" "--read-bytes 4093" "--read-bytes 9999999" "--batch 64" "--batch 333" "--batch 100000" \
            "-t 1" "-t 2"; do
            "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format $options -o out.$format "$other"
            cmp out.$format expected.$format
        done
    done
    cmp out.npy.tsv expected.npy.tsv
}

@test "codes of a piece are those of the whole, away from its ends" {
    flat "$other" | sed -n 2p >sequence
    { echo '>piece'; cut -c1235-2567 sequence; } >piece.fa
    "$VQDNA" tokenize -q -m "$model" "$other" |
        awk -F'\t' '$1 == "contig1" && $2 >= 1234 + 22 && $2 < 2567 - 22 { print $3, $4 }' >whole
    "$VQDNA" tokenize -q -m "$model" piece.fa | awk -F'\t' '$1 == "piece" && $2 >= 22 && $2 < 1333 - 22 { print $3, $4 }' >part
    [ "$(wc -l <part)" -eq 1289 ]
    cmp whole part
}

# damaged TEXT CONTENT: detokenize refuses a file of that content with a sentence of that text.
damaged() {
    printf "$2" >bad.tokens
    refused 2 "$1" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
    refused 2 bad.tokens "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
    [ ! -e back.fa ]
}

@test "damaged tokens" {
    damaged empty ''
    damaged "line 1" 'a\t0\t1\n'
    damaged "line 1" 'a\t0\t1\t2\t3\n'
    damaged "begins at 1" 'a\t1\t1\t2\n'
    damaged "line 2: record a goes on at 2 instead of 1" 'a\t0\t1\t2\na\t2\t1\t2\n'
    damaged "column 4" 'a\t0\t1\tx\n'
    damaged "column 3" 'a\t0\t70000\t1\n'
    damaged "line 1" 'a\t0\t.\t1\n'
    damaged "start position" 'a\t99999999999999999999\t1\t2\n'
    damaged compressed '\x1f\x8b\x08\x00\x00\x00'
    damaged sequences '>a\nACGT\n'
    damaged "line 1" '\x7fELF\x00\x01\n'
    damaged "not a run" '{"a":1}\n'
    damaged "not JSON" '{"contig":"a"\n'
    damaged "2 levels" '{"contig":"a","start":0,"codes":[[1]]}\n'
    damaged "a code" '{"contig":"a","start":0,"codes":[[1,-2]]}\n'
    damaged header '\x93NUMPY\x02'
}

@test "a code outside its codebook" {
    printf 'a\t0\t64\t2\n' >bad.tsv
    refused 2 64 "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tsv
    [ ! -e back.fa ]
    nothing_left .
}

@test "damaged npy and index" {
    "$VQDNA" tokenize -q -m "$model" -f npy -o out.npy "$other"
    cp out.npy cut.npy && cp out.npy.tsv cut.npy.tsv
    truncate -s 3000 cut.npy
    refused 2 cut.npy "$VQDNA" detokenize -q -m "$model" -o back.fa cut.npy
    cp out.npy cut.npy
    head -5 out.npy.tsv >cut.npy.tsv
    refused 2 cut.npy.tsv "$VQDNA" detokenize -q -m "$model" -o back.fa cut.npy
    rm cut.npy.tsv
    refused 2 cut.npy.tsv "$VQDNA" detokenize -q -m "$model" -o back.fa cut.npy
    refused 1 "standard input" "$VQDNA" detokenize -q -m "$model" -o back.fa - <out.npy
    [ ! -e back.fa ]
}

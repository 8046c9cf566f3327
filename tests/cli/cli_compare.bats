# compare: which positions tell two groups of aligned records apart, against a key, and what is refused.
load common

setup_file() {
    train_once
    # Two groups of 20 records of one ancestor: B differs by a base at 100, 250 and 400 (from 0) in all, at 300 in one; noise in both.
    awk -v out="$BATS_FILE_TMPDIR" 'BEGIN {
        srand(9)
        s = ""
        for (i = 0; i < 500; i++) s = s substr("ACGT", 1 + int(4 * rand()), 1)
        for (g = 0; g < 2; g++)
            for (r = 0; r < 20; r++) {
                t = s
                for (k = 0; k < 2; k++) t = put(t, int(500 * rand()))
                if (g) { t = other(t, s, 100); t = other(t, s, 250); t = other(t, s, 400) }
                if (g && r == 0) t = other(t, s, 300)
                print ">" (g ? "b" : "a") r "\n" t >(out "/" (g ? "b" : "a") ".fa")
            }
    }
    function put(t, at) { return substr(t, 1, at) substr("ACGT", 1 + int(4 * rand()), 1) substr(t, at + 2) }
    function other(t, s, at, c) {
        c = substr(s, at + 1, 1)
        return substr(t, 1, at) (c == "A" ? "C" : "A") substr(t, at + 2)
    }'
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR"/{a,b}.fa .
    printf 'ref\t100\t101\tone\nref\t250\t251\ttwo\nref\t400\t401\tthree\nref\t470\t471\tnone' >key.bed
}

@test "what differs in all records is called, what differs in one is not" {
    "$VQDNA" compare -q -m "$model" --known key.bed --rows rows.tsv --svg sites.svg --json -o calls.tsv a.fa b.fa >out.json
    [ "$(grep -vc '^#' calls.tsv)" -eq 3 ]
    [ "$(grep -v '^#' calls.tsv | cut -f7 | tr '\n' ' ')" = "one two three " ]
    # The middle of a call is next to the base.
    grep -v '^#' calls.tsv | awk -F'\t' '{ want = NR == 1 ? 100 : NR == 2 ? 250 : 400; if ($3 < want - 4 || $3 > want + 4) exit 1 }'
    grep -q '"known_found": 3' out.json
    grep -q '"calls_without_known": 0' out.json
    grep -A1 '"missed"' out.json | grep -q none
    grep -q 'known: 3 of 4 are in a call' sites.svg
    # Rows: levels 1 and 2, counts of 20 records.
    awk -F'\t' '!/^#/ { if ($2 < 1 || $2 > 2 || $4 > 20 || $8 > 20 || $11 < 0.5 || $12 > 0.01) exit 1; n++ } END { exit !(n >= 3) }' rows.tsv
    # Turned about, the same calls.
    "$VQDNA" compare -q -m "$model" --no-provenance b.fa a.fa | grep -v '^#' | cut -f1-5 | cmp - <(grep -v '^#' calls.tsv | cut -f1-5)
    # A group against itself has none.
    "$VQDNA" compare -q -m "$model" a.fa a.fa | { ! grep -v '^#'; }
}

@test "what cannot be is refused with a sentence" {
    refused 1 "which model" "$VQDNA" compare a.fa b.fa
    refused 1 "two inputs are compared" "$VQDNA" compare -m "$model" a.fa
    refused 2 "group B has 1 record" "$VQDNA" compare -q -m "$model" a.fa <(head -2 b.fa)
    { cat b.fa; echo ">short"; echo ACGTACGT; } >short.fa
    refused 2 "record short has fewer than 500 bases" "$VQDNA" compare -q -m "$model" a.fa short.fa
    refused 2 "not BED" "$VQDNA" compare -q -m "$model" --known a.fa -o x a.fa b.fa
    refused 1 "name a file for the calls" "$VQDNA" compare -q -m "$model" --json a.fa b.fa
    refused 1 "at most 1" "$VQDNA" compare -q -m "$model" --least 2 a.fa b.fa
    echo hello >calls.tsv
    refused 1 "calls.tsv" "$VQDNA" compare -q -m "$model" -o calls.tsv a.fa b.fa
}

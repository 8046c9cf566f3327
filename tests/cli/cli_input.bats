# Bad and odd sequence files: one sentence, the right code, nothing half-written; and what is no error reads the same everywhere.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    genome=$BATS_FILE_TMPDIR/genome.fa
}

teardown() {
    cd /
    [ -z "${open:-}" ] || rm -rf "$open"
}

# bad FILE [TEXT]: tokenize, eval and train all refuse it, and leave nothing.
bad() {
    local text=${2:-$1}
    refused 2 "$text" "$VQDNA" tokenize -q -m "$model" -o out.tsv "$1"
    refused 2 "$text" "$VQDNA" eval -q -m "$model" "$1"
    refused 2 "$text" "$VQDNA" train -q "${small[@]}" --steps 1 -o new "$1"
    [ ! -e out.tsv ]
    [ ! -e new ]
    nothing_left .
}

tokens() {
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$1"
}

@test "missing file" {
    bad missing.fa
}

@test "missing evaluation file is told before the training" {
    refused 2 missing.fa "$VQDNA" train "${small[@]}" --eval missing.fa -o new "$genome"
    [ ! -e new ]
}

@test "folder as file" {
    mkdir folder.fa
    bad folder.fa
}

@test "empty file" {
    : >empty.fa
    bad empty.fa
}

@test "no header" {
    printf 'ACGTACGT\n' >bare.fa
    bad bare.fa
}

@test "only headers" {
    printf '>a\n>b\n' >headers.fa
    bad headers.fa
}

@test "a header without sequence among others is kept and said" {
    printf '>a\nACGTACGTACGTACGTACGTACGTACGT\n>empty\n>b\nTTTTACGTACGTACGTACGTACGTACGT\n' >gap.fa
    "$VQDNA" tokenize -m "$model" -o out.tsv gap.fa 2>said
    grep -q 'warning.*empty' said
    "$VQDNA" detokenize -q -m "$model" out.tsv | grep -A1 '^>empty' | tail -1 | grep -q '^>b'
}

@test "a record of no bases before the first that has some, whatever reads it" {
    { printf '>empty\n'; cat "$genome"; printf '>last\n'; } >led.fa
    "$VQDNA" eval -q -m "$model" led.fa >/dev/null
    "$VQDNA" embed -q -m "$model" -o vectors led.fa
    "$VQDNA" codebook -q -m "$model" led.fa >/dev/null
    "$VQDNA" train -q "${small[@]}" --steps 1 -o new led.fa >/dev/null
    refused 2 'empty has no known base' "$VQDNA" map -q --features kmer:4 -o map led.fa
    refused 2 'empty has no known base' "$VQDNA" map -q -m "$model" -o map led.fa
    refused 2 'align them' "$VQDNA" compare -q -m "$model" -o compared led.fa "$genome"
}

@test "binary garbage" {
    head -c 4000 "$VQDNA" >garbage.fa
    bad garbage.fa
}

@test "truncated gzip" {
    gzip -c "$genome" | head -c 900 >cut.fa.gz
    bad cut.fa.gz
}

@test "NUL bytes" {
    printf '>a\nACGT\0ACGT\n' >nul.fa
    bad nul.fa
}

@test "no line end, mark or name costs bases without a word" {
    printf '>a\rACGTACGT\r>b\rGGCC\r' >mac.fa
    bad mac.fa "carriage return"
    printf '>a x\rACGTACGT\n>b\nGGCC\n' >mixed.fa
    bad mixed.fa "line 1"
    printf '>x\001y\nAC\n>x\001z\nG>G\n>\nT\n' >odd.fa
    "$VQDNA" tokenize -q --no-provenance -m "$model" odd.fa 2>said | grep -v '^#' | cut -f1,2 >rows
    printf 'x\001y\t0\nx\001y\t1\nx\001z\t0\nx\001z\t1\nx\001z\t2\n\t0\n' | cmp - rows
    grep -q "warning: odd.fa, line 4, .*'>'" said
    grep -q "warning: odd.fa, line 5.*without a name" said
}

@test "a cut at bgzip's end mark and padding behind gzip are told" {
    printf '>a\nACGT\n' | bgzip -c >whole.gz
    head -c -28 whole.gz >cut.gz
    { cat whole.gz; head -c 512 /dev/zero; } >padded.gz
    for file in cut padded; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" $file.gz 2>said | cmp - <(tokens whole.gz)
        grep -q "warning: $file.gz: " said
    done
}

@test "files of other kinds are named, with the pipe that reads them" {
    gzip -c "$genome" | gzip -c >twice.gz
    bad twice.gz 'gzip -dc twice.gz | gzip -dc | vqdna'
    printf '@HD\tVN:1.6\n@SQ\tSN:a\tLN:4\n' >a.sam
    bad a.sam 'samtools fasta a.sam | vqdna'
    iconv -f UTF-8 -t UTF-16 "$genome" >wide.fa
    bad wide.fa 'iconv -f UTF-16 -t UTF-8 wide.fa | vqdna'
}

@test "wrong letters name record and line" {
    printf '>a\nACGT\n>b\nACGT\nAC!T\n' >letters.fa
    bad letters.fa "line 5"
    bad letters.fa "'b'"
}

@test "gzip, CRLF, lower case and U read the same as the plain file" {
    tokens "$genome" >plain.tsv
    gzip -c "$genome" >genome.fa.gz
    tokens genome.fa.gz | cmp - plain.tsv
    sed 's/$/\r/' "$genome" >crlf.fa
    tokens crlf.fa | cmp - plain.tsv
    sed '/^>/!y/ACGT/acgu/' "$genome" >lower.fa
    tokens lower.fa | cmp - plain.tsv
    tokens - <"$genome" | cmp - plain.tsv
}

@test "IUPAC letters, * and - keep their place and are skipped by eval" {
    printf '>a\nACGTRYSWKMBDHVN*-ACGTACGTACGTACGT\n' >iupac.fa
    [ "$(tokens iupac.fa | grep -c '^a')" -eq 33 ]
    "$VQDNA" eval -q --json -m "$model" iupac.fa | grep -q '"skipped": 13'
    sed 's/[RYSWKMBDHV*-]/N/g' iupac.fa >n.fa
    cmp <(tokens iupac.fa) <(tokens n.fa)
}

@test "contigs of 1 and of 20 bases, and one of only N" {
    printf '>one\nA\n>twenty\nACGTACGTACGTACGTACGT\n>unknown\nNNNNNNNN\n' >short.fa
    tokens short.fa >out.tsv
    [ "$(grep -c '^one' out.tsv)" -eq 1 ]
    [ "$(grep -c '^twenty' out.tsv)" -eq 20 ]
    [ "$(grep -c '^unknown' out.tsv)" -eq 8 ]
    "$VQDNA" eval -q --json -m "$model" short.fa | grep -q '"bases": 29'
}

@test "duplicate names stay two records" {
    printf '>a\nACGTA\n>a\nTTTTTTT\n' >twice.fa
    "$VQDNA" tokenize -q -m "$model" twice.fa | "$VQDNA" detokenize -q -m "$model" - >back.fa
    [ "$(grep -c '^>a' back.fa)" -eq 2 ]
    [ "$(flat back.fa | awk 'NR % 2 == 0 { print length }' | xargs)" = "5 7" ]
}

@test "a header line of 64 MB" {
    { printf '>a '; head -c 64000000 /dev/zero | tr '\0' x; printf '\nACGTACGT\n'; } >long.fa
    bad long.fa "line 1"
    { printf '>'; head -c 64000000 /dev/zero | tr '\0' x; printf '\nACGTACGT\n'; } >name.fa
    bad name.fa "line 1"
}

@test "only unknown bases: tokenized, but nothing to train on or to judge a model by" {
    printf '>n\nNNNNNNNN\nRYSW\n' >n.fa
    [ "$(tokens n.fa | grep -c '^n')" -eq 12 ]
    refused 2 "none of the 12 bases" "$VQDNA" eval -q --json -m "$model" n.fa
    "$VQDNA" eval -q --json -m "$model" n.fa "$genome" | grep -q '"skipped": 12'
    refused 2 n.fa "$VQDNA" train -q "${small[@]}" --steps 1 -o new n.fa
    [ ! -e new ]
}

@test "a file that may not be read" {
    for_nobody
    cp genome.fa secret.fa
    chmod 000 secret.fa
    refused 2 secret.fa as_nobody "$VQDNA" tokenize -q -m model -o out.tsv secret.fa
    refused 2 secret.fa as_nobody "$VQDNA" train -q "${small[@]}" --steps 1 -o new secret.fa
    [ ! -e out.tsv ]
    [ ! -e new ]
}

@test "an output that cannot be written" {
    refused 2 nodir/out "$VQDNA" tokenize -q -m "$model" -o nodir/out "$genome"
    refused 2 . "$VQDNA" tokenize -q -m "$model" -o . "$genome"
    refused 2 /dev/full "$VQDNA" tokenize -q -m "$model" -o /dev/full "$genome"
    refused 2 "standard output" bash -c '"$0" tokenize -q -m "$1" "$2" >/dev/full' "$VQDNA" "$model" "$genome"
    touch file
    refused 2 file "$VQDNA" train -q "${small[@]}" --steps 1 -o file "$genome"
    refused 2 nodir/a "$VQDNA" train -q "${small[@]}" --steps 1 -o nodir/a "$genome"
    refused 2 /proc/a "$VQDNA" train -q "${small[@]}" --steps 1 -o /proc/a "$genome"
    refused 1 "standard output" "$VQDNA" tokenize -q -m "$model" -f npy "$genome"
}

@test "a reader that goes away ends the command quietly" {
    run --separate-stderr bash -c '"$0" tokenize -q -m "$1" "$2" | head -1' "$VQDNA" "$model" "$genome"
    [[ $output = "#vqdna tokens 3 model "* ]]
    [ -z "$stderr" ]
}

# What commands take of their inputs: tables, parts, strands, lists.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    printf '>c1 x\nACGTNACGTAACCGGTTACGANNacgtt\n>c2\nGGGCCCATGAAATAG\n' >g.fa
    printf 'c1\t28\t6\t28\t29\nc2\t15\t39\t15\t16\n' >g.fa.fai
}

tokens() {
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$@" | grep -v '^#'
}

names() {
    tokens "$@" | cut -f1 | uniq
}

@test "several files, or a list of them, are one stream" {
    printf '>c3\nACGT\n' >h.fa
    tokens g.fa h.fa >both
    tokens g.fa >one
    tokens h.fa >>one
    cmp both one
    printf 'g.fa\n\nh.fa' >list
    tokens --list-file list >listed
    cmp both listed
    refused 1 "both name inputs" "$VQDNA" tokenize -m "$model" --list-file list g.fa
    : >empty
    refused 2 "names no file" "$VQDNA" tokenize -m "$model" --list-file empty
    refused 1 "an input is missing" "$VQDNA" tokenize -m "$model"
}

@test "a table's column of sequences" {
    printf 'id;dna\nr1;ACGTNACGTAACCGGTTACGANNacgtt\n' >t.txt
    tokens --column dna t.txt | cut -f2- >a
    tokens g.fa | grep ^c1 | cut -f2- >b
    cmp a b
    tokens --column dna - <t.txt | cut -f2- >c
    cmp a c
    cp t.txt t.csv
    refused 2 "no column 'sequence'" "$VQDNA" train "${small[@]}" --steps 2 -o "$PWD/new" t.csv
    refused 2 "no column 'other'" "$VQDNA" tokenize -m "$model" --column other t.txt
}

@test "parts by region and by interval, as records of their own" {
    [ "$(names --region c1:3-9 --region c2 g.fa | tr '\n' ' ')" = "c1:3-9 c2 " ]
    printf '>part\nGTNACGT\n' >part.fa
    tokens part.fa | cut -f3- >a
    tokens --region c1:3-9 g.fa | cut -f3- >b
    cmp a b
    printf 'c2\t6\t9\tmet\t0\t-\nc1\t0\t4\n' >w.bed
    [ "$(names --bed w.bed g.fa | tr '\n' ' ')" = "c2:7-9/rc c1:1-4 " ]
    printf 'c2\t6\t99\n' >w.bed
    refused 2 "contig c2 has 15 bases" "$VQDNA" tokenize -m "$model" --bed w.bed g.fa
    printf 'c8\t6\t9\n' >w.bed
    refused 2 "has no contig 'c8'" "$VQDNA" eval -m "$model" --bed w.bed g.fa
    refused 2 "no such contig" "$VQDNA" tokenize -m "$model" --region c8:1-2 g.fa
    rm g.fa.fai
    refused 2 "g.fa has no index: samtools faidx g.fa makes it" "$VQDNA" tokenize -m "$model" --region c1 g.fa
}

@test "what is ambiguous or soft-masked is kept, left out or refused, and counted" {
    [ "$(names --ambiguous skip g.fa | tr '\n' ' ')" = "c1:1-4 c1:6-21 c1:24-28 c2 " ]
    [ "$(names --ambiguous skip --soft-mask skip g.fa | tr '\n' ' ')" = "c1:1-4 c1:6-21 c2 " ]
    run --separate-stderr "$VQDNA" tokenize -m "$model" --ambiguous skip -o out.tsv g.fa
    [[ $stderr == *"40 bases of 4 records, 0 of them not A, C, G or T, 3 left out"* ]]
    [ "$("$VQDNA" eval -m "$model" --json --soft-mask skip g.fa | grep -o '"left_out": [0-9]*')" = '"left_out": 5' ]
    refused 2 "record c1: base 4 is not A, C, G or T" "$VQDNA" tokenize -m "$model" --ambiguous error -o x.tsv g.fa
    [ ! -e x.tsv ]
    refused 1 "did you mean skip" "$VQDNA" tokenize -m "$model" --ambiguous skp g.fa
    refused 1 "--soft-mask takes keep, skip, not 'lower'" "$VQDNA" tokenize -m "$model" --soft-mask lower g.fa
}

@test "the other strand is that of the reversed file" {
    printf '>c2/rc\nCTATTTCATGGGCCC\n' >r.fa
    tokens r.fa >a
    tokens --strand minus --region c2 g.fa >b
    cmp a b
    [ "$(names --strand both --region c2 g.fa | tr '\n' ' ')" = "c2 c2/rc " ]
}

@test "training and the codebook see the same" {
    "$VQDNA" train "${small[@]}" --steps 3 -o a --ambiguous skip --strand both g.fa 2>said
    grep -q '^vqdna train: 8 contigs of 1 file: 80' said || { cat said; false; }
    "$VQDNA" codebook -q -m "$model" --no-control --json --strand both --soft-mask skip g.fa | grep -q '"bases":76'
}

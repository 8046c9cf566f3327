# predict: records, windows along a genome, strands, formats, and what is refused.
load common

setup_file() {
    train_once
    cd "$BATS_FILE_TMPDIR"
    labelled 1 400 40 >train.csv
    body=(--set width=32 --set layers=1 --set heads=2 --batch 16 --set steps=30 --train train.csv)
    "$VQDNA" finetune -q "${body[@]}" --vocabulary conv:5 -o bases >/dev/null
    "$VQDNA" finetune -q "${body[@]}" -m model -o codes >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp -r "$BATS_FILE_TMPDIR"/{bases,codes,genome.fa,train.csv} .
}

predict() { "$VQDNA" predict -q --no-provenance "$@"; }

rows() { grep -v '^#' "$1"; }

# part NAME FROM COUNT: bases of the first record as a record.
part() {
    awk -v name="$1" -v from="$2" -v count="$3" '/^>/ { n++; next } n == 1 { s = s $0 } END { print ">" name; print substr(s, from + 1, count) }' genome.fa
}

@test "tables and records get a row each, the same for the same bases" {
    predict -m bases --column sequence train.csv >t.tsv
    [ "$(rows t.tsv | wc -l)" -eq 400 ]
    grep -q '^#contig	start	end	label	0	1$' t.tsv
    awk -F, 'NR > 1 { print ">" NR - 1; print $1 }' train.csv >t.fa
    predict -m bases t.fa >f.tsv
    cmp <(rows t.tsv | cut -f2-) <(rows f.tsv | cut -f2-)
    # The labels are those of the larger probability, which add up to 1.
    rows t.tsv | awk -F'\t' '{ s = $5 + $6; if (s < 0.9999 || s > 1.0001 || ($6 > $5) != $4) exit 1 }'
}

@test "windows are the records that they cut, whatever else stands around them" {
    predict -m bases --window 40 --step 13 genome.fa >w.tsv
    [ "$(rows w.tsv | awk '$1 == "contig1"' | wc -l)" -eq $(((3000 - 40 + 12) / 13 + 1)) ]
    [ "$(rows w.tsv | awk '$1 == "contig1"' | tail -1 | cut -f2,3)" = "2960	3000" ] # the last ends where the record does
    for from in 0 13 1300 2960; do
        part x $from 40 >x.fa
        predict -m bases x.fa >x.tsv
        cmp <(rows w.tsv | awk -v f=$from '$1 == "contig1" && $2 == f' | cut -f4-) <(rows x.tsv | cut -f4-)
    done
    # Codes see 20 bases beyond a window: away from the ends it does not matter where the record begins.
    for strands in "" --both-strands; do
        part x 1000 2000 >x.fa
        predict $strands -m codes --window 50 --step 10 genome.fa >w.tsv
        predict $strands -m codes --window 50 --step 10 x.fa >x.tsv
        cmp <(rows w.tsv | awk '$1 == "contig1" && $2 >= 1100 && $2 < 2900' | cut -f4-) <(rows x.tsv | awk '$2 >= 100 && $2 < 1900' | cut -f4-)
    done
    part x 0 50 >x.fa
    cmp <(predict -m codes --window 50 x.fa) <(predict -m codes x.fa)
    cmp <(predict -m codes --window 60 x.fa) <(predict -m codes x.fa)
}

@test "the windows of a record vote" {
    predict -m bases --window 40 --step 13 genome.fa >w.tsv
    predict -m bases --window 40 --step 13 --vote genome.fa >v.tsv
    [ "$(rows v.tsv | cut -f1)" = "$(grep '>' genome.fa | tr -d '>' | awk '{ print $1 }')" ]
    rows w.tsv | awk -F'\t' '{ a[$1] += log($5); b[$1] += log($6); e[$1] = $3 }
        END { for (n in a) { p = 1 / (1 + exp(a[n] - b[n])); print n "\t" e[n] "\t" (p > 0.5) "\t" p } }' | sort >want.tsv
    rows v.tsv | sort | paste - want.tsv | awk -F'\t' '$2 != 0 || $3 != $8 || $4 != $9 || ($6 - $10) ^ 2 > 1e-8 { exit 1 }'
    predict -m bases --window 40 --step 13 --vote -f bed genome.fa >v.bed
    cmp <(rows v.bed | cut -f1-4) <(rows v.tsv | cut -f1-4)
    # Records that bear one name are two.
    cat genome.fa genome.fa >twice.fa
    predict -m bases --window 40 --step 13 --vote twice.fa >t.tsv
    cmp <(rows v.tsv; rows v.tsv) <(rows t.tsv)
    refused 1 'give --window too' "$VQDNA" predict -q -m bases --vote genome.fa
    refused 1 'leave --vote out' "$VQDNA" predict -q -m bases --vote --window 40 -f bedgraph genome.fa
}

@test "the other strand is read as a record of it would be" {
    part x 100 60 >x.fa
    part x 100 60 | awk '/^>/ { print; next } { for (i = length($0); i; i--) { c = substr($0, i, 1)
        r = r (c == "A" ? "T" : c == "C" ? "G" : c == "G" ? "C" : "A") } print r }' >y.fa
    for m in bases codes; do
        cmp <(predict -m $m --both-strands x.fa | cut -f4-) <(predict -m $m --both-strands y.fa | cut -f4-)
        predict -m $m x.fa >x.tsv
        predict -m $m y.fa >y.tsv
        predict -m $m --both-strands x.fa >b.tsv
        paste <(rows x.tsv) <(rows y.tsv) <(rows b.tsv) | awk '{ d = ($6 + $12) / 2 - $18; if (d > 1e-5 || d < -1e-5) exit 1 }'
    done
}

@test "each base changed is the sequence with that base" {
    part x 100 30 >x.fa
    for m in bases codes; do
        predict -m $m --mutate --svg x.svg -o m.tsv --force x.fa
        [ "$(rows m.tsv | wc -l)" -eq 30 ]
        predict -m $m x.fa >ref.tsv
        label=$(rows ref.tsv | cut -f4)
        for at in 0 17 29; do
            for base in A C G T; do
                awk -v at=$at -v base=$base '/^>/ { print; next } { print substr($0, 1, at) base substr($0, at + 2) }' x.fa >y.fa
                predict -m $m y.fa >y.tsv
                want=$(paste <(rows y.tsv) <(rows ref.tsv) | awk -v l=$label '{ print $(5 + l) - $(11 + l) }')
                got=$(rows m.tsv | awk -v at=$at -v b=$base '$2 == at { print $(3 + index("ACGT", b)) }')
                awk -v a="$want" -v b="$got" 'BEGIN { d = a - b; exit !(d < 2e-5 && d > -2e-5) }'
            done
        done
        rows m.tsv | awk '{ if ($(3 + index("ACGT", $3)) != 0) exit 1 }'
        grep -q '<svg' x.svg
        /usr/bin/python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' x.svg
    done
    refused 1 'leave --window' "$VQDNA" predict -q -m bases --mutate --window 9 x.fa
    refused 1 'give both' "$VQDNA" predict -q -m bases --svg y.svg x.fa
}

@test "BED and bedGraph" {
    predict -m bases -f bed --window 40 genome.fa >w.bed
    rows w.bed | awk -F'\t' 'NF != 6 || $5 < 500 || $5 > 1000 || $3 - $2 != 40 { exit 1 }'
    predict -m bases -f bedgraph --window 40 --step 10 --class 0 genome.fa >w.bg
    # No base twice, none left out.
    rows w.bg | awk -F'\t' '$1 != c { if (c && e != 3000) exit 1; c = $1; e = 0 } $2 != e || $3 <= $2 { exit 1 } { e = $3 } END { if (e != 3000) exit 1 }'
    predict -m bases --window 40 --step 10 genome.fa >w.tsv
    cmp <(rows w.tsv | cut -f5) <(rows w.bg | cut -f4)
}

@test "a model's tokenizer is its own, and other folders are told apart" {
    refused 2 "needs a 'vqdna-tokenizer'" "$VQDNA" tokenize -q -m bases genome.fa
    refused 2 "needs a 'vqdna-classify'" "$VQDNA" predict -q -m codes/tokenizer genome.fa
    cp -r codes other
    "$VQDNA" train -q "${small[@]}" --steps 3 --seed 9 -o other/tokenizer --force genome.fa
    refused 2 'is not the tokenizer whose codes the model was trained on' "$VQDNA" predict -q -m other genome.fa
    rm -r other/tokenizer
    refused 2 'tokenizer' "$VQDNA" predict -q -m other genome.fa
    printf '\xff\xff\xff\x7f' | dd of=bases/model.safetensors bs=1 seek=$(($(stat -c %s bases/model.safetensors) - 4)) conv=notrunc status=none
    refused 2 'is not finite' "$VQDNA" predict -q -m bases genome.fa
}

@test "what cannot be is refused with a sentence" {
    refused 1 'name its folder with -m' "$VQDNA" predict -q genome.fa
    refused 2 'contig1 is longer than the 512 bases' "$VQDNA" predict -q -m bases genome.fa
    refused 1 'a window of 513 bases' "$VQDNA" predict -q -m bases --window 513 genome.fa
    refused 1 'leaves some between' "$VQDNA" predict -q -m bases --window 20 --step 21 genome.fa
    refused 1 "no format 'gff'" "$VQDNA" predict -q -m bases -f gff genome.fa
    refused 1 "no label '2'" "$VQDNA" predict -q -m bases -f bedgraph --class 2 --window 9 genome.fa
    refused 1 'phases is 2' "$VQDNA" predict -q -m bases --phases 2 --window 9 genome.fa
    refused 1 'give --window too' "$VQDNA" predict -q -m bases --step 2 genome.fa
}

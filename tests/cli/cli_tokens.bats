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
    sha256=$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)
    head -1 out.tsv | grep -qx "#vqdna tokens 2 model $sha256"
    sed -n 2p out.tsv | grep -q '^#provenance {"program":"vqdna".*"model_sha256":"'"$sha256"
    sed -n 3p out.tsv | grep -qx $'#contig\tstart\tlevel1\tlevel2'
    tail -1 out.tsv | grep -qxE '#end 6 records 15017 bases 0 unknown hash [0-9a-f]{16}'
    tail -n +4 out.tsv | grep -v '^#end ' | awk -F'\t' '
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
    grep -v '^#[vpce]' out.npy.tsv | awk -F'\t' '$2 != sum { exit 1 } { sum += $3 } END { exit sum != 15017 }'
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$other" | grep -v $'\t\\.' | tail -n +3 | grep -v '^#end ' | cut -f3,4 | head -500 >codes
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
        [ $format = tsv ] && set -- "--read-bytes 1" "--read-bytes 9999999" "--batch 64" "--batch 100000" "-t 1" "-t 2" || set --
        for options in "--read-bytes 4093 --batch 333" "$@"; do
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
    [[ $stderr == *bad.tokens* ]]
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
    damaged gzip '\x1f\x8b\x08\x00\x00\x00'
    damaged "zstd -dc bad.tokens | vqdna" '\x28\xb5\x2f\xfd\x24'
    damaged "last line has no end" 'a\t0\t1\t2'
    damaged "last line has no end" '{"contig":"a","start":0,"codes":[[1,2]]}'
    damaged "a code of the model's level 1 (0 to 63)" 'a\t0\t64\t1\n'
    damaged "none of the model's level 2 (0 to 127)" '{"contig":"a","start":0,"codes":[[1,128]]}\n'
    damaged "3 levels" '{"format":"vqdna tokens","levels":3}\n{"contig":"a","start":0,"codes":[[1,2]]}\n'
    damaged "format 3" '#vqdna tokens 3 model 00\na\t0\t1\t2\n'
    damaged "index" '#vqdna index\n#contig\toffset\tbases\na\t0\t10\n'
    damaged "name of a record" '{"contig":"a\\n>b\\nACGT","start":0,"codes":[[1,2]]}\n'
    damaged "name of a record" '{"contig":"a\\rACGT","start":0,"codes":[[1,2]]}\n'
    damaged "name of a record" 'a b\t0\t1\t2\n'
    damaged "not among" 'a\t0\t1\t2\n#unknown bases\ta\t0\t2\n'
    damaged "another record" 'a\t0\t1\t2\n#unknown bases\tb\t0\t1\n'
    damaged "not among" '{"contig":"a","start":0,"codes":[[1,2]],"unknown":[[0,2]]}\n'
    damaged "duplicate" '{"contig":"a","start":0,"codes":[[1,2]],"start":7}\n'
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
    refused 2 "0 to 63" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tsv
    [ ! -e back.fa ]
    nothing_left .
}

@test "unknown bases keep their codes and come back as N, from every format" {
    flat "$other" | awk 'NR == 2 { print ">long"; print substr($0, 1, 4090) "NNNNNNNNNNrywN" substr($0, 4105, 300) }
        NR == 4 { print ">ends"; print "N" substr($0, 1, 50) "NN"; print ">all"; print "NNNN"; print ">known"; print $0 }' >gaps.fa
    flat gaps.fa | awk 'NR % 2 { print; next } { gsub(/[^ACGTN]/, "N"); gsub(/[ACGT]/, "x"); print }' >shape
    for format in tsv ndjson npy; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format -o out.$format gaps.fa
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format --batch 99 --read-bytes 77 -o cut.$format gaps.fa
        cmp out.$format cut.$format
        "$VQDNA" detokenize -q -m "$model" out.$format | flat /dev/stdin | awk 'NR % 2 { print; next } { gsub(/[ACGT]/, "x"); print }' |
            cmp - shape
    done
    cmp out.npy.tsv cut.npy.tsv
    grep '^#unknown' out.tsv | cut -f2- >gaps.bed
    printf 'long\t4090\t4104\nends\t0\t1\nends\t51\t53\nall\t0\t4\n' |
        cmp - gaps.bed
    grep '^#unknown' out.npy.tsv | cut -f2- | cmp - gaps.bed
    grep -q '"unknown":\[\[4090,4096\]\]' out.ndjson
    [ "$(grep -vc '^#' out.tsv)" -eq "$(awk 'NR % 2 == 0 { n += length } END { print n }' shape)" ]
    { echo '>huge'; awk 'BEGIN { for (i = 0; i < 65540; i++) printf "N"; print "ACGT" }'; } >huge.fa
    "$VQDNA" tokenize -q -m "$model" -o huge.tsv huge.fa
    grep '^#unknown' huge.tsv | cut -f2- | diff - <(printf 'huge\t0\t65536\nhuge\t65536\t65540\n')
    "$VQDNA" detokenize -m "$model" -o back.fa huge.tsv 2>said
    grep -q '65540 of them unknown' said
    [ "$(grep -v '^>' back.fa | tr -cd N | wc -c)" -eq 65540 ]
}

@test "a file cut or changed anywhere is refused" {
    printf '>a\nACGTNNACGT\n>b\n>c\nTTGNCA\n' >in.fa
    for format in tsv ndjson; do
        "$VQDNA" tokenize -q -m "$model" -f $format -o whole.$format in.fa
        size=$(wc -c <whole.$format)
        for less in 1 5 60 $((size - 3)); do
            head -c -$less whole.$format >bad.tokens
            refused 2 bad.tokens "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
        done
        for line in 1 2 $(($(wc -l <whole.$format) - 1)); do
            head -$line whole.$format >bad.tokens
            refused 2 "end mark" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
        done
        { cat whole.$format; tail -1 whole.$format; } >bad.tokens
        refused 2 "goes on behind its end mark" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
    done
    changed "15 bases" '/^c\t5/d'
    changed "2 unknown" '/^#unknown bases\tc/d'
    changed "of other" 's/^c\t5\t.*/c\t5\t0\t63/'
    changed "of other" 's/^b\t/d\t/'
    changed "of other" '/^#unknown bases\tc/s/3\t4/2\t3/'
    changed "goes on at 2 instead of 1" '/^c\t1/d'
    [ ! -e back.fa ]
}

# changed TEXT SCRIPT: what sed makes of whole.tsv is refused.
changed() {
    sed "$2" whole.tsv >bad.tokens
    ! cmp -s whole.tsv bad.tokens
    refused 2 "$1" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
}

@test "the format before this one, and rows alone, are read with a warning" {
    printf '>a\nACGTACGT\n>#b\nTTG\n' >in.fa
    for format in tsv ndjson npy; do
        "$VQDNA" tokenize -q -m "$model" -f $format -o new.$format in.fa
    done
    sed '1s/ 2 model.*//; /^#end /d' new.tsv >old.tsv
    sed 's/"version":2,//; s/"model_sha256":"[0-9a-f]*",//; /^{"end"/d' new.ndjson >old.ndjson
    cp new.npy old.npy
    sed '1s/ 2 model.*//; /^#end /d' new.npy.tsv >old.npy.tsv
    grep -v '^#[vpce]' new.tsv >rows.tsv
    "$VQDNA" detokenize -q --no-provenance -m "$model" new.tsv >new.fa
    for file in old.tsv old.ndjson old.npy rows.tsv; do
        "$VQDNA" detokenize -q --no-provenance -m "$model" $file 2>said | cmp - new.fa
        grep -q "warning: $file is of an older format" said
    done
    sed -i 's/"model_sha256":"[0-9a-f]/"model_sha256":"x/' old.tsv
    refused 2 sha256 "$VQDNA" detokenize -q -m "$model" old.tsv
}

@test "tokens of another model are refused, and told with --force" {
    cp -r "$model" other
    "$VQDNA" train -q "${small[@]}" --force --seed 2 --steps 2 -o other "$BATS_FILE_TMPDIR/genome.fa"
    printf '>a\nACGTACGTGGCCATTA\n' >a.fa
    ours=$(sha256sum <other/model.safetensors | cut -d' ' -f1)
    theirs=$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)
    for format in tsv ndjson npy; do
        "$VQDNA" tokenize -q --no-provenance -f $format -m "$model" -o t.$format a.fa
        refused 2 "$theirs" "$VQDNA" detokenize -q -m other -o back.fa t.$format
        [[ $stderr == *"$ours"* ]]
        [ ! -e back.fa ]
        "$VQDNA" detokenize -q --force -m other t.$format 2>said | grep -q '^>a'
        grep "warning: " said | grep "$ours" | grep -q "$theirs"
    done
}

@test "an npy and its index belong together" {
    printf '>a\nACGTACGTAC\n' >a.fa
    printf '>b\nGGCCNTTACA\n' >b.fa
    for file in a b; do
        "$VQDNA" tokenize -q -f npy -m "$model" -o $file.npy $file.fa
    done
    cp b.npy.tsv a.npy.tsv
    refused 2 "not this array's" "$VQDNA" detokenize -q -m "$model" -o back.fa a.npy
    sed 's/^b\t/d\t/' b.npy.tsv >a.npy.tsv
    cp b.npy a.npy
    refused 2 "not this array's" "$VQDNA" detokenize -q -m "$model" -o back.fa a.npy
    printf x >>b.npy
    refused 2 "1 bytes too many" "$VQDNA" detokenize -q -m "$model" -o back.fa b.npy
    [ ! -e back.fa ]
}

@test "the name of the output decides the format, and contradictions are told" {
    for file in t.ndjson t.jsonl t.npy t.tsv t; do
        "$VQDNA" tokenize -q -m "$model" -o $file "$other"
    done
    head -c 10 t.ndjson | grep -q '^{"format"'
    cmp <(tail -n +2 t.ndjson) <(tail -n +2 t.jsonl)
    head -c 6 t.npy | grep -aq NUMPY
    cmp <(tail -n +3 t.tsv) <(tail -n +3 t)
    refused 1 contradict "$VQDNA" tokenize -q -m "$model" -f npy -o new.tsv "$other"
    refused 1 contradict "$VQDNA" tokenize -q -m "$model" -f tsv -o new.jsonl.gz "$other"
    refused 1 ".gz" "$VQDNA" tokenize -q -m "$model" -o new.npy.gz "$other"
    [ ! -e new.tsv ] && [ ! -e new.npy.gz ]
}

@test "what is named .gz is compressed, and read back" {
    local other=less.fa
    head -40 "$BATS_FILE_TMPDIR/other.fa" >$other
    "$VQDNA" tokenize -q --no-provenance -m "$model" -o t.tsv "$other"
    for file in t.tsv.gz t.NDJSON.GZ; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" -o $file "$other"
        "$VQDNA" tokenize -q --no-provenance -m "$model" -o $file "$other" # of the same kind: replaced
        "$VQDNA" detokenize -q --no-provenance -m "$model" -o back.fa.gz $file
        gzip -t $file back.fa.gz
        head -c -100 $file >cut.gz
        refused 2 cut.gz "$VQDNA" detokenize -q -m "$model" -o cut.fa cut.gz
        head -c -28 $file >cut.gz # bgzip's end mark, not ours
        "$VQDNA" detokenize -q --no-provenance -m "$model" cut.gz | cmp - <(gzip -dc back.fa.gz)
    done
    gzip -dc t.tsv.gz | cmp - t.tsv
    gzip -dc back.fa.gz | cmp - <("$VQDNA" detokenize -q --no-provenance -m "$model" t.tsv)
    refused 1 ".zst" "$VQDNA" tokenize -q -m "$model" -o t.tsv.zst "$other"
    refused 1 "something else" "$VQDNA" detokenize -q -m "$model" -o t.tsv.gz t.tsv
    "$VQDNA" tokenize -q --no-provenance -m "$model" -o - "$other" | gzip | "$VQDNA" detokenize -q --no-provenance -m "$model" - |
        cmp - <(gzip -dc back.fa.gz)
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

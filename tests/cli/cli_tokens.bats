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

# The rows of tsv: a line of '#' whose first field has no blank is one, unless it is the header.
rows() {
    awk -F'\t' '!/^#/ || ($1 !~ / / && !/^#contig\t/)' "$@"
}

formats=(tsv ndjson npy bin)

@test "tsv: a row a base, from 0, a code a level below its codebook" {
    "$VQDNA" tokenize -q -m "$model" -o out.tsv "$other"
    sha256=$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)
    head -1 out.tsv | grep -qx "#vqdna tokens 3 model $sha256 levels 2 every 1 phase 0"
    sed -n 2p out.tsv | grep -q '^#provenance {"program":"vqdna".*"model_sha256":"'"$sha256"
    sed -n 3p out.tsv | grep -qx $'#contig\tstart\tlevel1\tlevel2'
    tail -2 out.tsv | head -1 | grep -qxE "#block 3 bases 2729 unknown 0 hash [0-9a-f]{16} model ${sha256:0:8}"
    tail -1 out.tsv | grep -qx '#end 4 blocks'
    grep -c '^#bases of.*end$' out.tsv | grep -qx 6
    grep -qx $'#bases of\tcontig9\t0\t0\tend' out.tsv
    rows out.tsv | awk -F'\t' '
        $1 != name || $2 == 0 { name = $1; next_start = 0 }
        NF != 4 || $2 != next_start++ || $3 !~ /^[0-9]+$/ || $3 >= 64 || $4 !~ /^[0-9]+$/ || $4 >= 128 { exit 1 }
        { n++ } END { exit n != 15017 }'
}

@test "every format gives the same bases back, names and empty records in their place" {
    for format in "${formats[@]}"; do
        "$VQDNA" tokenize -q -m "$model" -f $format -o out.$format "$other"
        "$VQDNA" detokenize -q -m "$model" -o $format.fa out.$format
        flat $format.fa >$format.flat
    done
    cmp tsv.flat ndjson.flat
    cmp tsv.flat npy.flat
    cmp tsv.flat bin.flat
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
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$other" | rows | cut -f3,4 | head -500 >codes
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
    for format in "${formats[@]}"; do
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

# json TEXT LINE [LEVELS]: the same for a line of ndjson behind a good head.
json() {
    sha256=$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)
    printf '{"format":"vqdna tokens","version":3,"levels":%d,"every":1,"phase":0,"model_sha256":"%s"}\n' "${3:-2}" "$sha256" >bad.tokens
    printf "$2\n" >>bad.tokens
    refused 2 "$1" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
    [ ! -e back.fa ]
}

@test "damaged tokens" {
    damaged empty ''
    damaged "line 1" 'a\t0\t1\n'
    damaged "line 1" 'a\t0\t1\t2\t3\n'
    damaged "begins at 1" 'a\t1\t1\t2\n'
    damaged "has no end" 'a\t0\t1\t2\nb\t1\t1\t2\n'
    damaged "line 2: record a goes on at 2 instead of 1" 'a\t0\t1\t2\na\t2\t1\t2\n'
    damaged "column 4" 'a\t0\t1\tx\n'
    damaged "column 3" 'a\t0\t70000\t1\n'
    damaged "line 1" 'a\t0\t.\t1\n'
    damaged "start position" 'a\t99999999999999999999\t1\t2\n'
    damaged gzip '\x1f\x8b\x08\x00\x00\x00'
    damaged "zstd -dc bad.tokens | vqdna" '\x28\xb5\x2f\xfd\x24'
    damaged "last line has no end" 'a\t0\t1\t2'
    damaged "last line has no end" '{"format":"vqdna tokens"}'
    damaged "not the head" '{"contig":"a","start":0,"bases":1,"codes":[[1,2]]}\n'
    damaged "format 2 is that of an older vqdna" '#vqdna tokens 2 model 00\na\t0\t1\t2\n'
    damaged "format 1 is" '#vqdna tokens\na\t0\t1\t2\n'
    damaged "format 2 is" '{"format":"vqdna tokens","version":2,"levels":2}\n'
    damaged "a code of the model's level 1 (0 to 63)" 'a\t0\t64\t1\n'
    json "none of the model's level 2 (0 to 127)" '{"contig":"a","start":0,"bases":1,"codes":[[1,128]]}'
    json "3 levels" '' 3
    damaged "format 4 is not known" '#vqdna tokens 4 model 00\na\t0\t1\t2\n'
    damaged "not the head" '#vqdna tokens 3 model 00 levels 2 every 1 phase 0\na\t0\t1\t2\n'
    damaged "index" '#vqdna index 3\n#contig\toffset\tbases\na\t0\t10\n'
    json "name of a record" '{"contig":"a\\n>b\\nACGT","start":0,"bases":1,"codes":[[1,2]]}'
    json "name of a record" '{"contig":"a\\rACGT","start":0,"bases":1,"codes":[[1,2]]}'
    damaged "name of a record" 'a b\t0\t1\t2\n'
    damaged "not among" 'a\t0\t1\t2\n#unknown bases\ta\t0\t2\n'
    damaged "has no end" 'a\t0\t1\t2\n#unknown bases\tb\t0\t1\n'
    json "not among" '{"contig":"a","start":0,"bases":1,"codes":[[1,2]],"unknown":[[0,2]]}'
    json "duplicate" '{"contig":"a","start":0,"bases":1,"codes":[[1,2]],"start":7}'
    damaged sequences '>a\nACGT\n'
    damaged "line 1" '\x7fELF\x00\x01\n'
    json "not a run" '{"a":1}'
    json "not JSON" '{"contig":"a"'
    json "not the mark" '{"block":0}'
    json "not an end mark" '{"end":0}'
    json "2 levels" '{"contig":"a","start":0,"bases":1,"codes":[[1]]}'
    json "a code" '{"contig":"a","start":0,"bases":1,"codes":[[1,-2]]}'
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
    for format in "${formats[@]}"; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format -o out.$format gaps.fa
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format --batch 99 --read-bytes 77 -o cut.$format gaps.fa
        cmp out.$format cut.$format
        "$VQDNA" detokenize -q -m "$model" out.$format | flat /dev/stdin | awk 'NR % 2 { print; next } { gsub(/[ACGT]/, "x"); print }' |
            cmp - shape
    done
    cmp out.npy.tsv cut.npy.tsv
    grep '^#unknown' out.tsv | cut -f2- >gaps.bed
    printf 'long\t4090\t4096\nlong\t4096\t4104\nends\t0\t1\nends\t51\t53\nall\t0\t4\n' |
        cmp - gaps.bed
    grep '^#unknown' out.npy.tsv | cut -f2- | cmp - gaps.bed
    grep -q '"unknown":\[\[4090,4096\]\]' out.ndjson
    [ "$(rows out.tsv | wc -l)" -eq "$(awk 'NR % 2 == 0 { n += length } END { print n }' shape)" ]
    { echo '>huge'; awk 'BEGIN { for (i = 0; i < 8200; i++) printf "N"; print "ACGT" }'; } >huge.fa
    "$VQDNA" tokenize -q -m "$model" -o huge.tsv huge.fa
    grep '^#unknown' huge.tsv | cut -f2- | diff - <(printf 'huge\t0\t4096\nhuge\t4096\t8192\nhuge\t8192\t8200\n')
    "$VQDNA" detokenize -m "$model" -o back.fa huge.tsv 2>said
    grep -q '8200 of them not A, C, G or T' said
    [ "$(grep -v '^>' back.fa | tr -cd N | wc -c)" -eq 8200 ]
}

@test "a file cut or changed anywhere is refused" {
    printf '>a\nACGTNNACGT\n>b\n>c\nTTGNCA\n' >in.fa
    for format in tsv ndjson bin; do
        "$VQDNA" tokenize -q -m "$model" -f $format -o whole.$format in.fa
        size=$(wc -c <whole.$format)
        for less in 1 5 60 $((size - 3)); do
            head -c -$less whole.$format >bad.tokens
            refused 2 bad.tokens "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
        done
        { cat whole.$format; [ $format = bin ] && tail -c 48 whole.bin || tail -1 whole.$format; } >bad.tokens
        refused 2 "goes on behind its end mark" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
    done
    for format in tsv ndjson; do
        for line in 1 2 $(($(wc -l <whole.$format) - 1)); do
            head -$line whole.$format >bad.tokens
            refused 2 "end mark" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
        done
    done
    changed "has codes up to 5, and not to 6" '/^c\t5/d'
    changed "2 of them unknown" '/^#unknown bases\tc/d'
    changed "of other" 's/^c\t5\t.*/c\t5\t0\t63/'
    changed "of other" 's/^#bases of\tb/#bases of\td/'
    changed "of other" '/^#unknown bases\tc/s/3\t4/2\t3/'
    changed "goes on at 2 instead of 1" '/^c\t1/d'
    changed "has no end" '/^#bases of\ta/d'
    changed "block 1 where block 0" 's/^#block 0/#block 1/'
    changed "of another model" '/^#block/s/model ......../model 00000000/'
    changed "2 blocks, and 1 are there" 's/^#end 1/#end 2/'
    # Any byte of the binary form: its block is held against its hash, its head against what can be.
    head=$(head -2 whole.bin | wc -c)
    for at in $(seq $((head + 4)) 7 $((size_of_bin = $(wc -c <whole.bin) - 49))); do
        cp whole.bin bad.tokens
        printf "\\x$(printf %x $(($(od -An -tu1 -j $at -N 1 whole.bin) ^ 85)))" | dd of=bad.tokens bs=1 seek=$at conv=notrunc 2>/dev/null
        run "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
        [ "$status" -eq 2 ] || { echo "byte $at: $output"; [ $(((at - head) / 4)) -eq 11 ]; rm back.fa; }
    done
    [ ! -e back.fa ]
}

# changed TEXT SCRIPT: what sed makes of whole.tsv is refused.
changed() {
    sed "$2" whole.tsv >bad.tokens
    not cmp -s whole.tsv bad.tokens
    refused 2 "$1" "$VQDNA" detokenize -q -m "$model" -o back.fa bad.tokens
}

@test "rows alone are read with a warning" {
    genome 5 2 9000 >in.fa
    printf '>#b\nTTG\n' >>in.fa
    "$VQDNA" tokenize -q -m "$model" -o new.tsv in.fa
    rows new.tsv >rows.tsv
    "$VQDNA" detokenize -q --no-provenance -m "$model" new.tsv >new.fa
    "$VQDNA" detokenize -q --no-provenance -m "$model" rows.tsv 2>said | cmp - new.fa
    grep -q "warning: rows.tsv has no head and no end mark" said
}

@test "thinned: one code in S, all bases back, at the loss that eval tells" {
    "$VQDNA" train -q "${small[@]}" --set decoder_stride=3 --steps 40 -o thin "$BATS_FILE_TMPDIR/genome.fa"
    printf '>n\nACGTNNNNTTACGN\n>x\nA\n' >more.fa
    for phase in 0 2; do
        for format in "${formats[@]}"; do
            "$VQDNA" tokenize -q -m thin -f $format --every 3 --phase $phase -o t.$format "$other" more.fa
            "$VQDNA" detokenize -q -m thin t.$format | flat /dev/stdin >$format.flat
            cmp tsv.flat $format.flat
        done
        rows t.tsv | awk -F'\t' -v p=$phase '$2 % 3 != p { exit 1 }'
        cat "$other" more.fa | flat /dev/stdin | awk -v p=$phase 'NR % 2 == 0 && length > p { n += int((length - p + 2) / 3) } END { print n }' >expected
        rows t.tsv | wc -l | diff expected -
        [ "$(wc -c <t.npy)" -eq $((128 + 4 * $(cat expected))) ]
        cat "$other" more.fa | flat /dev/stdin | awk 'NR % 2 { print; next } { gsub(/[ACGT]/, "x"); print }' >shape
        awk 'NR % 2 { print; next } { gsub(/[ACGT]/, "x"); print }' tsv.flat | cmp - shape
        "$VQDNA" eval -q --json -m thin --every 3 --phase $phase "$other" more.fa >eval.json
        cat "$other" more.fa | flat /dev/stdin | paste -d' ' - tsv.flat | awk 'NR % 2 == 0 {
                for (i = 1; i <= length($1); i++)
                    same += substr($1, i, 1) != "N" && substr($1, i, 1) == substr($2, i, 1)
            } END { print same }' >same
        grep -q "\"correct\": $(cat same)," eval.json
    done
    [ "$(cat same)" -gt 4000 ]
    "$VQDNA" tokenize -q -m "$model" --every 5 -o t.tsv "$other" 2>said
    grep -q "warning: the model was trained to rebuild bases from one code in 1 " said
    "$VQDNA" eval -q -m "$model" --every 5 "$other" 2>said | grep -q 'cross-entropy  .* nats a base'
    grep -q "one code in 5, and was trained with one in 1" said
    refused 1 "--every takes a whole number from 1 up, not '0'" "$VQDNA" tokenize -m thin --every 0 "$other"
    refused 1 "--phase 3" "$VQDNA" tokenize -m thin --every 3 --phase 3 "$other"
    refused 1 "--phase 1" "$VQDNA" eval -m thin --phase 1 "$other"
}

@test "shards joined are the whole, byte for byte; merge refuses gaps and overlaps" {
    sed 's/^[ACGT]*T$/&N/' "$other" >g.fa
    for format in tsv ndjson bin bed; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $format -o whole.$format g.fa
        for n in 1 3 7; do
            for i in $(seq $n); do
                "$VQDNA" tokenize -q --no-provenance -m "$model" --shard $i/$n -f $format $([ $format = bed ] && echo --force) -o part$i.$format g.fa
            done
            cat $(seq -f part%.0f.$format $n) | cmp - whole.$format
        done
    done
    for format in tsv ndjson bin; do
        "$VQDNA" merge -q -o merged.$format part{7,3,2,1,4,5,6}.$format
        cmp merged.$format whole.$format
        "$VQDNA" detokenize -q --no-provenance -m "$model" part{1,2,3,4,7}.$format | cmp - <("$VQDNA" detokenize -q --no-provenance -m "$model" whole.tsv)
        refused 2 "blocks 1 to 1 are missing between part1.$format and part3.$format" "$VQDNA" merge -q -o bad part1.$format part{3,4,7}.$format
        refused 2 "they overlap" "$VQDNA" merge -q -o bad part{1,2,2,3,4,7}.$format
        refused 2 "the end mark is missing" "$VQDNA" merge -q -o bad part{1,2,3,4}.$format
        refused 2 "begins with block 1 of its tokens: it is a shard" "$VQDNA" merge -q -o bad part{2,3,4,7}.$format
        refused 2 "it is a shard" "$VQDNA" detokenize -q -m "$model" part2.$format
    done
    for to in npy counts bed; do
        "$VQDNA" tokenize -q --no-provenance -m "$model" -f $to -o whole.$to g.fa
        "$VQDNA" merge -q -f $to -o merged.$to part{1,2,3,4,7}.bin
        cmp merged.$to whole.$to
    done
    cmp merged.npy.tsv whole.npy.tsv
    awk -F'\t' '!/^#/ { n[$2] += $4 } END { exit n[1] != n[2] || n[1] < 14000 }' whole.counts
    [ "$(grep -vc '^#vqdna' whole.bed)" -eq "$(rows whole.tsv | wc -l)" ]
    not [ -e bad ]
    "$VQDNA" tokenize -q --no-provenance -m "$model" g.fa | "$VQDNA" merge -q - | cmp - whole.tsv
    refused 1 "npy and counts have no shards" "$VQDNA" tokenize -m "$model" --shard 1/2 -o a.npy g.fa
    refused 1 "standard input" "$VQDNA" tokenize -m "$model" --shard 1/2 -o a.tsv - <g.fa
    nothing_left .
}

@test "the number of a shard, given or asked of the queue" {
    refused 1 "there are shards 1 to 2" "$VQDNA" tokenize -m "$model" --shard 3/2 "$other"
    for wrong in 0/2 x 1/0 1 /2 1/2x -1/2; do
        refused 1 "--shard takes I/N" "$VQDNA" tokenize -m "$model" --shard=$wrong "$other"
    done
    refused 1 "no task of an array" "$VQDNA" tokenize -m "$model" --shard auto "$other"
    is() {
        local expected=$1
        shift
        env "$@" "$VQDNA" tokenize --no-provenance -m "$model" ${shard:---shard auto} -o s.tsv "$other" 2>said
        grep -q "shard $expected:" said
    }
    is "2 of 3" SLURM_ARRAY_TASK_ID=12 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_MAX=14 SLURM_ARRAY_TASK_COUNT=3
    is "1 of 1" SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=0 SLURM_ARRAY_TASK_COUNT=1
    is "3 of 3" SGE_TASK_ID=5 SGE_TASK_FIRST=1 SGE_TASK_LAST=6 SGE_TASK_STEPSIZE=2
    shard="--shard auto/4" is "2 of 4" PBS_ARRAY_INDEX=2
    refused 1 "evenly spaced" env SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=3 "$VQDNA" tokenize -m "$model" --shard auto "$other"
    refused 1 "give --shard auto/N" env PBS_ARRAY_INDEX=2 "$VQDNA" tokenize -m "$model" --shard auto "$other"
    refused 1 "evenly spaced" env PBS_ARRAY_INDEX=5 "$VQDNA" tokenize -m "$model" --shard auto/4 "$other"
}

@test "tokens of another model are refused, and told with --force" {
    cp -r "$model" other
    "$VQDNA" train -q "${small[@]}" --force --seed 2 --steps 2 -o other "$BATS_FILE_TMPDIR/genome.fa"
    printf '>a\nACGTACGTGGCCATTA\n' >a.fa
    ours=$(sha256sum <other/model.safetensors | cut -d' ' -f1)
    theirs=$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)
    for format in "${formats[@]}"; do
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
    refused 2 "this array's" "$VQDNA" detokenize -q -m "$model" -o back.fa a.npy
    sed 's/^b\t/d\t/' b.npy.tsv >a.npy.tsv
    cp b.npy a.npy
    refused 2 "this array's" "$VQDNA" detokenize -q -m "$model" -o back.fa a.npy
    printf x >>b.npy
    refused 2 "1 bytes too many" "$VQDNA" detokenize -q -m "$model" -o back.fa b.npy
    [ ! -e back.fa ]
}

@test "the name of the output decides the format, and contradictions are told" {
    for file in t.ndjson t.jsonl t.npy t.tsv t.bin t; do
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

# map: neighbours, coordinates, clusters and scores of records by codes and by their rivals, and what is refused.
load common

setup_file() {
    train_once
    # Three families of 24 records: an ancestor with three substitutions of its own each.
    awk 'BEGIN {
        srand(4)
        for (f = 0; f < 3; f++) {
            s = ""
            for (i = 0; i < 600; i++) s = s substr("ACGT", 1 + int(4 * rand()), 1)
            for (r = 0; r < 24; r++) {
                t = s
                for (k = 0; k < 3; k++) { at = 1 + int(598 * rand()); t = substr(t, 1, at) substr("ACGT", 1 + int(4 * rand()), 1) substr(t, at + 2) }
                print ">family" f "_" r; print t
                print "family" f "_" r "\t" f "\t" (r % 2 ? "odd" : "even") >"/dev/stderr"
            }
        }
    }' >"$BATS_FILE_TMPDIR/all.fa" 2>"$BATS_FILE_TMPDIR/rows.tsv"
    { printf 'name\tfamily\tparity\n'; cat "$BATS_FILE_TMPDIR/rows.tsv"; } >"$BATS_FILE_TMPDIR/labels.tsv"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR"/{all.fa,labels.tsv} .
}

@test "families are told apart by codes and by every rival, on any number of threads" {
    features=(codes codes:level=2 embedding:mean encoder:max random kmer:4 mash:11 hamming)
    "$VQDNA" map -q -m "$model" --labels labels.tsv "${features[@]/#/--features=}" --pair 0,1 --min-cluster 15 -o map all.fa >out
    for i in "${!features[@]}"; do
        folder=map/${features[$i]//[:=]/_}
        [ "$(value map/metrics.json maps "$i" features)" = "${features[$i]}" ]
        [ "$(value $folder/metrics.json records)" = 72 ]
        above "$(value $folder/metrics.json columns family purity)" 0.99
        above "$(value $folder/metrics.json columns family silhouette)" 0.3
        above "$(value $folder/metrics.json columns family adjusted_rand)" 0.9
        above 0.75 "$(value $folder/metrics.json columns parity purity)"
        above "$(value $folder/metrics.json columns family pairs 0,1 auroc)" 0.999
        [ "$(grep -vc '^#' $folder/map.tsv)" -eq 72 ]
        [ "$(grep -vc '^#' $folder/neighbours.tsv)" -eq 720 ]
        grep -q '<title>family2_7</title>' $folder/map.html
        grep -q '>1 (24)<' $folder/map.svg
    done
    [ -e map/codes/embedding.npy ] && [ ! -e map/mash_11/embedding.npy ]
    grep -q '^hamming  *family  *1.000 ' out
    grep -q 'area under the ROC curve 1.0000' out
    "$VQDNA" map -q -t 1 --features kmer:4 --labels labels.tsv --no-provenance --min-cluster 5 -o one all.fa >/dev/null
    "$VQDNA" map -q -t 3 --features kmer:4 --labels labels.tsv --no-provenance --min-cluster 5 -o three all.fa >/dev/null
    cmp one/map.tsv three/map.tsv
    cmp one/embedding.npy three/embedding.npy
    cmp one/neighbours.tsv three/neighbours.tsv
    # What is done is not done again.
    echo '{"features": "kmer:4", "columns": {"family": {"purity": 0.25}}}' >one/metrics.json
    "$VQDNA" map -q --resume --features kmer:4 --labels labels.tsv -o one all.fa | grep -q '^kmer:4  *family  *0.250'
}

@test "the embedding is that of the frequencies, and neighbours are the nearest" {
    "$VQDNA" map -q --features kmer:2 -o m all.fa
    /usr/bin/python3 - <<'END'
import math, struct
names, rows = [], []
for line in open("all.fa"):
    if line[0] == ">":
        names.append(line[1:].strip())
    else:
        s = line.strip()
        counts = [0] * 16
        for i in range(len(s) - 1):
            counts["ACGT".index(s[i]) * 4 + "ACGT".index(s[i + 1])] += 1
        rows.append([c / (len(s) - 1) for c in counts])
data = open("m/embedding.npy", "rb").read()
found = struct.unpack("<%df" % (72 * 16), data[-72 * 16 * 4:])
assert max(abs(a - b) for a, b in zip(found, (x for r in rows for x in r))) < 1e-6
distance = lambda a, b: math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))
for line in open("m/neighbours.tsv"):
    if line[0] != "#":
        name, rank, other, d = line.split("\t")
        at = names.index(name)
        exact = sorted(distance(rows[at], r) for i, r in enumerate(rows) if i != at)
        assert abs(exact[int(rank) - 1] - float(d)) < 1e-5, line
END
}

@test "without labels, with few records, with equal ones" {
    "$VQDNA" map -q --features kmer:3 -o plain all.fa
    [ "$(value plain/metrics.json clusters)" -ge 1 ]
    grep -q 'cluster' plain/map.svg
    head -4 all.fa >two.fa
    "$VQDNA" map -q --features hamming -o two two.fa
    [ "$(grep -vc '^#' two/map.tsv)" -eq 2 ]
    grep -v '^#' two/map.tsv | not grep -q nan
    for i in $(seq 15); do echo ">r$i"; sed -n 2p all.fa; done >same.fa
    "$VQDNA" map -q --features kmer:3 --features mash --features hamming -o same same.fa
    grep -v '^#' same/kmer_3/map.tsv | not grep -qi nan
    printf 'name\tkind\nr1\tx\nr2\tx\n' >one.tsv
    "$VQDNA" map -q --features kmer:3 --labels one.tsv --json -o single same.fa 2>said >out.json
    grep -q '13 of 15 records have no line in one.tsv' said
    grep -q '"kind"' out.json
    [ "$(value single/metrics.json columns kind silhouette)" = None ]
}

@test "what cannot be is refused with a sentence" {
    refused 1 "where should the map go" "$VQDNA" map all.fa
    refused 1 "there is no feature 'kmers:6'" "$VQDNA" map -q --features kmers:6 -o m all.fa
    refused 1 "name its model" "$VQDNA" map -q --features codes -o m all.fa
    refused 1 "the model has 2" "$VQDNA" map -q -m "$model" --features codes:level=3 -o m all.fa
    refused 2 "two records at least" "$VQDNA" map -q --features kmer:3 -o m <(head -2 all.fa)
    { head -4 all.fa; echo ">n"; echo NNNNNNNN; } >n.fa
    refused 2 "record n has no known base" "$VQDNA" map -q --features kmer:3 -o m n.fa
    { head -4 all.fa; echo ">short"; echo ACGT; } >short.fa
    refused 2 "short" "$VQDNA" map -q --features hamming -o m short.fa
    [ ! -e m ]
    printf 'name\tkind\nstranger\tx\n' >others.tsv
    refused 2 "names none of the records" "$VQDNA" map -q --features kmer:3 --labels others.tsv -o m all.fa
    refused 2 "has no column of labels 'clade'" "$VQDNA" map -q --features kmer:3 --labels labels.tsv --label clade -o m all.fa
    { cat labels.tsv; printf 'family0_3\t2\todd\n'; } >twice.tsv
    refused 2 "family0_3 has another label" "$VQDNA" map -q --features kmer:3 --labels twice.tsv -o m all.fa
    refused 2 "a line of column names" "$VQDNA" map -q --features kmer:3 --labels all.fa -o m all.fa
    refused 1 "two labels with a comma" "$VQDNA" map -q --features kmer:3 --labels labels.tsv --pair 0 -o m all.fa
    echo hello >map.svg
    mkdir -p taken && echo hello >taken/map.svg
    refused 1 "taken/map.svg" "$VQDNA" map -q --features kmer:3 -o taken all.fa
    grep -q hello taken/map.svg
}

@test "features of one model in one pass are those of a pass each, and those of embed" {
    features=(codes codes:level=2 embedding:mean embedding:max:level=1 encoder:mean encoder:max:level=2 random random:codes:level=1)
    head -40 all.fa >some.fa
    "$VQDNA" map -q -m "$model" "${features[@]/#/--features=}" --no-provenance -o all some.fa
    for f in "${features[@]}"; do
        "$VQDNA" map -q -m "$model" --features "$f" --no-provenance -o "alone-${f//[:=]/_}" some.fa
        cmp "all/${f//[:=]/_}/embedding.npy" "alone-${f//[:=]/_}/embedding.npy"
    done
    "$VQDNA" embed -q -m "$model" --from encoder --level 2 --pool max -o encoder.npy some.fa
    "$VQDNA" embed -q -m "$model" --level 1 --pool mean -o book.npy some.fa
    /usr/bin/python3 - <<'END'
import struct
def floats(path):
    data = open(path, "rb").read()
    count = (len(data) - 128) // 4
    return struct.unpack("<%df" % count, data[-4 * count:])
near = lambda a, b: len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) < 1e-5
assert near(floats("all/encoder_max_level_2/embedding.npy"), floats("encoder.npy"))
both, first, width = floats("all/embedding_mean/embedding.npy"), floats("book.npy"), 32
assert near([both[2 * width * r + d] for r in range(20) for d in range(width)], first)
END
    refused 1 "names codes twice" "$VQDNA" map -q -m "$model" --features codes --features codes -o m some.fa
}

@test "windows of records are rows, with their contig's labels" {
    "$VQDNA" map -q --features kmer:3 --window 250 --step 100 --labels labels.tsv --no-provenance -o w all.fa
    # 600 bases: 0, 100, 200, 300, and the last, which ends with the record
    grep -v '^#' w/map.tsv | cut -f 1 | head -5 | diff - <(printf 'family0_0:%s\n' 0-250 100-350 200-450 300-550 350-600)
    [ "$(grep -vc '^#' w/map.tsv)" -eq 360 ]
    [ "$(value w/metrics.json columns family rows)" = 360 ]
    # A window is as a record of its own.
    awk '/^>/ { name = $0; next } { for (i = 0; i < 600; i += 300) print name ":" i "-" i + 300 "\n" substr($0, i + 1, 300) }' all.fa >cut.fa
    "$VQDNA" map -q -m "$model" --features codes --features mash --window 300 --no-provenance -o windows all.fa
    "$VQDNA" map -q -m "$model" --features codes --features mash --no-provenance -o records cut.fa
    for f in codes/embedding.npy codes/map.tsv mash/neighbours.tsv; do cmp windows/$f records/$f; done
    "$VQDNA" map -q --features kmer:3 --window 1000 -o long all.fa
    grep -q '^family1_3:0-600' long/map.tsv
    refused 1 "leaves bases between" "$VQDNA" map -q --features kmer:3 --window 10 --step 20 -o m all.fa
    refused 1 "--step is from a --window" "$VQDNA" map -q --features kmer:3 --step 20 -o m all.fa
}

@test "states of a body, in parts as long as its positions" {
    "$VQDNA" pretrain -q -m "$model" --steps 4 --batch 2 --window 100 --set layers=1 --set width=32 --set heads=2 --set positions=128 -o body all.fa
    "$VQDNA" map -q -m body --features body:mean --features body:max --features codes --labels labels.tsv --no-provenance -o b all.fa
    [ "$(value b/body_mean/metrics.json width)" = 32 ]
    [ "$(value b/metrics.json maps 2 features)" = codes ]
    not cmp b/body_mean/neighbours.tsv b/body_max/neighbours.tsv
    for pool in mean max; do # embed says the same
        "$VQDNA" embed -q -m body --from body --pool $pool --no-provenance -o $pool.npy all.fa
        cmp $pool.npy b/body_$pool/embedding.npy
    done
    refused 1 'take --pool mean' "$VQDNA" embed -q -m body --from body --pool none -o n.npy all.fa
    refused 1 'leave --level out' "$VQDNA" embed -q -m body --from body --level 1 -o n.npy all.fa
    refused 2 'tokenizer' "$VQDNA" embed -q -m "$model" --from body -o n.npy all.fa
    # 600 bases are five parts of 120: their mean is that of the parts.
    "$VQDNA" map -q -m body --features body:mean --features body:max --window 120 --no-provenance -o parts all.fa
    /usr/bin/python3 - <<'END'
import struct
def rows(path):
    data = open(path, "rb").read()
    values = struct.unpack("<%df" % ((len(data) - 128) // 4), data[128:])
    return [values[i:i + 32] for i in range(0, len(values), 32)]
for pool, join in (("mean", lambda v: sum(v) / 5), ("max", max)):
    whole, parts = rows(f"b/body_{pool}/embedding.npy"), rows(f"parts/body_{pool}/embedding.npy")
    assert len(whole) == 72 and len(parts) == 360
    for r in range(72):
        for d in range(32):
            assert abs(whole[r][d] - join([parts[5 * r + p][d] for p in range(5)])) < 1e-4
END
    "$VQDNA" map -q -m "$model" --features codes --no-provenance -o c all.fa
    cmp b/codes/embedding.npy c/embedding.npy
    refused 1 "the model is a tokenizer, which has none" "$VQDNA" map -q -m "$model" --features body:mean -o m all.fa
    refused 1 "there is no feature 'body'" "$VQDNA" map -q -m "$model" --features body -o m all.fa
    refused 1 "untrained one does not change it" "$VQDNA" map -q -m "$model" --features random:hamming -o m all.fa
    [ ! -e m ]
}

@test "a signal ends it at once, and --resume goes on with the next feature" {
    for signal in INT TERM; do
        rm -rf s
        "$VQDNA" map -q -t 1 --features kmer:3 --features kmer:4 --iterations 1000000 --labels labels.tsv -o s all.fa &
        pid=$!
        wait_for test -e s/kmer_3/embedding.npy
        sleep 0.3
        began=$(date +%s%N)
        kill -$signal $pid
        code=0
        wait $pid || code=$?
        [ "$code" -eq 130 ]
        [ $(($(date +%s%N) - began)) -lt 3000000000 ]
        [ ! -e s/kmer_3/metrics.json ] && [ ! -e s/kmer_3/map.tsv ]
        [ -z "$(find s -name '*.tmp*' -o -name '.*' -type f)" ]
    done
    "$VQDNA" map -q --features kmer:3 --labels labels.tsv -o s/kmer_3 all.fa
    "$VQDNA" map --resume --features kmer:3 --features kmer:4 --labels labels.tsv -o s all.fa 2>said
    grep -q 'kmer:3: done before' said
    [ -e s/kmer_4/metrics.json ]
}

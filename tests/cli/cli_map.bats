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

value() { # FILE PATH...
    /usr/bin/python3 -c 'import json, sys
x = json.load(open(sys.argv[1]))
for k in sys.argv[2:]: x = x[int(k) if k.isdigit() else k]
print(x)' "$@"
}

above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

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
    ! grep -q nan two/map.tsv
    for i in $(seq 15); do echo ">r$i"; sed -n 2p all.fa; done >same.fa
    "$VQDNA" map -q --features kmer:3 --features mash --features hamming -o same same.fa
    ! grep -qi nan same/kmer_3/map.tsv
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

# Shared by the bats files of the command line. $VQDNA is the program.
bats_require_minimum_version 1.5.0
: "${VQDNA:?the path of the program}"

# not COMMAND...: that it fails. A command behind ! fails no test unless it is the last.
not() { if "$@"; then return 1; fi; }

# genome SEED CONTIGS BASES: random contigs as FASTA, the same for the same seed.
genome() {
    awk -v seed="$1" -v contigs="$2" -v bases="$3" 'BEGIN {
        srand(seed)
        for (c = 1; c <= contigs; c++) {
            printf ">contig%d a description", c
            for (i = 0; i < bases; i++)
                printf "%s%s", i % 70 ? "" : "\n", substr("ACGT", 1 + int(4 * rand()), 1)
            printf "\n"
        }
    }'
}

# labelled SEED ROWS LENGTH: rows whose label is 1 where GATTACA stands somewhere, as CSV.
labelled() {
    awk -v seed="$1" -v rows="$2" -v wide="$3" 'BEGIN {
        srand(seed); print "sequence,label"
        for (r = 0; r < rows; r++) {
            s = ""
            for (i = 0; i < wide; i++) s = s substr("ACGT", 1 + int(4 * rand()), 1)
            yes = rand() < 0.5
            gsub(/GATTACA/, "GATTGCA", s)
            if (yes) { at = int((wide - 7) * rand()); s = substr(s, 1, at) "GATTACA" substr(s, at + 8) }
            print s "," yes
        }
    }'
}

# A network small enough for seconds on one core.
small=(--set dim=32 --set stem=16 --set codes=32 --window 64 --batch 4)

# A model trained on a genome of its own, in $BATS_FILE_TMPDIR/model; the genome beside it.
train_once() {
    genome 1 2 3000 >"$BATS_FILE_TMPDIR/genome.fa"
    "$VQDNA" train -q "${small[@]}" --steps 40 -o "$BATS_FILE_TMPDIR/model" "$BATS_FILE_TMPDIR/genome.fa"
}

# For tests of fine-tuning: a body small enough for seconds on one core, and tables of rows beside the model, made once a file and
# copied to each test.
body=(--set width=32 --set layers=1 --set heads=2 --set pool=max --batch 16 --report-every 10)

tables_once() {
    train_once
    labelled 1 800 40 >"$BATS_FILE_TMPDIR/train.csv"
    labelled 2 200 40 >"$BATS_FILE_TMPDIR/dev.csv"
    labelled 3 200 40 >"$BATS_FILE_TMPDIR/test.csv"
}

tables_here() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR"/*.csv .
    sets=(--train train.csv --dev dev.csv --test test.csv)
}

# In a folder that nobody can reach and write, with the model and the genome; skips the test where nobody cannot run the program.
# $open is for teardown to remove.
for_nobody() {
    open=$(mktemp -d)
    cp -r "$BATS_FILE_TMPDIR/model" "$BATS_FILE_TMPDIR/genome.fa" "$open"
    cd "$open"
    chmod -R a+rX .
    chmod 777 .
    as_nobody "$VQDNA" info model >info || skip "nobody cannot run the program here"
}

# as_nobody COMMAND...: without the rights of root, which reads and writes everything.
as_nobody() {
    [ "$EUID" -ne 0 ] || set -- setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$open" XDG_CACHE_HOME="$open/cache" POCL_CACHE_DIR="$open/pocl" "$@"
    "$@"
}

# Names and sequences of a FASTA, a line each: what a round trip must keep.
flat() {
    awk '/^>/ { if (NR > 1) print s; print $1; s = ""; next } { s = s $0 } END { print s }' "$1"
}

# refused CODE TEXT COMMAND...: the command ends with CODE, prints nothing on standard output, and one sentence with TEXT on
# standard error.
refused() {
    local code=$1 text=$2
    shift 2
    run --separate-stderr "$@"
    local lines
    lines=$(grep -vc ': warning: ' <<<"$stderr")
    if [ "$status" -ne "$code" ] || [ -n "$output" ] || [ "$lines" -ne 1 ] || [[ $stderr != *"$text"* ]]; then
        echo "expected status $code and one sentence with '$text'"
        echo "status $status, standard output '$output', standard error '$stderr'"
        return 1
    fi
}

# wait_for COMMAND...: until it succeeds, half a minute at most.
wait_for() {
    for _ in $(seq 1500); do
        "$@" && return
        sleep 0.02
    done
    return 1
}

# No temporary file was left in a folder.
nothing_left() {
    [ -z "$(find "$1" -name '*tmp*' -newer "$BATS_TEST_FILENAME" -print -quit)" ]
}

# value FILE PATH...: a value of a JSON file.
value() {
    /usr/bin/python3 -c 'import json, sys
x = json.load(open(sys.argv[1]))
for k in sys.argv[2:]: x = x[int(k) if k.isdigit() else k]
print(x)' "$@"
}

# above A B: A > B, of numbers.
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

# same_numbers FILE FILE: tables of predictions, but for rounding.
same_numbers() {
    /usr/bin/python3 -c 'import sys
a, b = ([float(l.split("\t")[-1]) for l in open(f) if l[0] != "#"] for f in sys.argv[1:])
assert len(a) == len(b) > 0 and all(abs(x - y) < 1e-4 for x, y in zip(a, b)), (a[:3], b[:3])' "$@"
}

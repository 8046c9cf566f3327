#!/bin/sh
# clFFT against our transforms at every length that is a product of powers of 2, 3 and 5: which of its plans are wrong on this device, and
# who is faster. A process a length, for a driver may crash at one; restartable: a length that is in RESULTS is not run again.
# Cost on PoCL: 2 to 5 seconds a length, nearly all of it clFFT's compilation; 332 lengths to 131072, half an hour.
# usage: fft_faults.sh FFT_FAULTS RESULTS.tsv [LONGEST [CHANNELS]]      FFT_FAULTS: the program of `ninja fft_faults`
set -eu
program=$1 results=$2 longest=${3:-131072} channels=${4:-32}
[ -s "$results" ] || printf 'N\tC\tforward\tback\tms\tclfft\tclfft_forward\tclfft_back\tclfft_ms\n' >"$results"
awk -v most="$longest" 'BEGIN { for (a = 1; a <= most; a *= 2) for (b = a; b <= most; b *= 3) for (c = b; c <= most; c *= 5) print c }' |
    sort -n | while read -r n; do
        grep -q "^$n	$channels	" "$results" && continue
        if row=$("$program" "$n" "$channels" </dev/null 2>/dev/null); then
            printf '%s\n' "$row" >>"$results"
        else
            printf '%s\t%s\t\t\t\tended with status %s\t\t\t\n' "$n" "$channels" $? >>"$results"
        fi
    done
awk -F'\t' 'NR > 1 { rows++; verdicts[$6]++; if ($6 == "right" && $9 > 0) { faster += $5 < $9; ratio += log($9 / $5); timed++ }
        if (!($3 < 2e-6 && $4 < 2e-6)) ours = ours " " $1; if ($6 != "right") bad = bad " " $1 }
    END { printf "%d lengths; clFFT:", rows; for (v in verdicts) printf " %d %s", verdicts[v], v; printf "; ours faster at %d of %d", faster, timed
        if (timed) printf ", %.2f times in the geometric mean", exp(ratio / timed); print ""
        if (bad) print "clFFT cannot be used at:" bad; if (ours) print "ours is off at:" ours }' "$results"

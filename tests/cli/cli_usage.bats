# Help, version, and wrong usage. None of these needs a device.
load common

commands=(devices train eval tokenize detokenize merge embed map compare codebook probe pretrain finetune predict report info selftest tune bench)

setup() {
    cd "$BATS_TEST_TMPDIR"
    mkdir no_platform
    export OCL_ICD_VENDORS=$BATS_TEST_TMPDIR/no_platform/
}

@test "no arguments: usage on standard error, 1" {
    run --separate-stderr "$VQDNA"
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == "Usage: vqdna COMMAND"* ]]
}

@test "--version: one parseable line, then the libraries" {
    run --separate-stderr "$VQDNA" --version
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^vqdna\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [[ ${lines[1]} == *OpenCL* ]]
    [ -z "$stderr" ]
    for command in "${commands[@]}"; do
        [ "$("$VQDNA" "$command" --version)" = "$output" ]
    done
}

@test "help lists every command on standard output" {
    run --separate-stderr "$VQDNA" help
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    for command in "${commands[@]}"; do
        grep -q "^  $command " <<<"$output"
    done
    [ "$output" = "$("$VQDNA" --help)" ]
}

@test "help of every command, both ways, without a device" {
    for command in "${commands[@]}"; do
        run --separate-stderr "$VQDNA" "$command" --help
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        [[ $output == "vqdna $command: "* ]]
        [[ $output == *"--device DEVICE"* ]]
        [ "$output" = "$("$VQDNA" help "$command")" ]
    done
}

# The source of a command's man page, whole.
page_of() {
    sed -e "/^@inputs@\$/{r $BATS_TEST_DIRNAME/../../src/cli/inputs.man" -e 'd}' "$BATS_TEST_DIRNAME/../../src/cli/vqdna-$1.1.scd"
}

@test "every option of a command is in its man page, and every option there is one" {
    for command in "${commands[@]}"; do
        "$VQDNA" help "$command" | sed '/^Common options/,$d' | grep -oE '^ +(-., +)?--[a-z-]+' |
            grep -oE -- '--[a-z-]+' | sort >in_help
        page_of "$command" | sed -n '/^# OPTIONS/,/^The common options/p' | grep '^\*-' |
            grep -oE -- '--[a-z-]+' | sort >in_page
        diff in_help in_page
    done
}

@test "the defaults of the help are in the man pages" {
    for command in "${commands[@]}"; do
        # The first word of a default, and the paragraph of the option, where it stands too.
        "$VQDNA" help "$command" | sed '/^Common options/,$d' | grep -oE -- '--[a-z-]+ .*\(default: [^:;)]+' |
            sed -E 's/ .*\(default: / /' >defaults
        while read -r option value _; do
            page_of "$command" | awk -v option="*$option*" -v RS= 'index($0, option)' |
                tr '\n\t' '  ' | grep -qE "(^|[ (])$value([ ,.;)]|$)" || { echo "vqdna-$command(1): $option is not $value"; return 1; }
        done <defaults
    done
}

@test "the keys of --set, their meaning and their defaults are those of the man page" {
    for command in train pretrain finetune; do
        page=$BATS_TEST_DIRNAME/../../src/cli/vqdna-$command.1.scd
        "$VQDNA" $command --set help | sed -E 's/^([^ ]+) +(.*) \(default: (.*)\)$/\1|\2|\3/' >in_help
        sed -n '/^# KEYS/,/^# FILES/p' "$page" | grep -E '^(\||:)  ' | sed 's/^.  //' | paste -d '|' - - - >in_page
        diff in_help in_page
    done
    "$VQDNA" train --help | grep -q -- '--batch N .*(default: 16)'
}

@test "bash completion offers the commands, and the options of each help" {
    source "$BATS_TEST_DIRNAME/../../src/cli/vqdna.bash"
    vqdna() { "$VQDNA" "$@"; }
    COMP_WORDS=(vqdna '') COMP_CWORD=1
    _vqdna
    for command in "${commands[@]}" help; do
        [[ " ${COMPREPLY[*]} " == *" $command "* ]]
    done
    COMP_WORDS=(vqdna tune st) COMP_CWORD=2
    _vqdna
    [ "${COMPREPLY[*]}" = stem ]
    for command in "${commands[@]}"; do
        COMP_WORDS=(vqdna "$command" --) COMP_CWORD=2
        _vqdna
        printf '%s\n' "${COMPREPLY[@]}" | sort >completed
        "$VQDNA" help "$command" | grep -oE '^ +(-., +)?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort | diff - completed
    done
}

@test "the common options are those of vqdna(1)" {
    "$VQDNA" help train | sed '1,/^Common options/d' | grep -oE '^ +(-., +)?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort >in_help
    sed -n '/^# COMMON OPTIONS/,/^# INPUT/p' "$BATS_TEST_DIRNAME/../../src/cli/vqdna.1.scd" | grep '^\*-' |
        grep -oE -- '--[a-z-]+' | sort | diff in_help -
}

@test "an unknown command names the nearest" {
    refused 1 "did you mean 'train'" "$VQDNA" trian
    refused 1 "did you mean 'detokenize'" "$VQDNA" help detokenise
    refused 1 "unknown command 'zzzzzzzzzzzz'" "$VQDNA" zzzzzzzzzzzz
}

@test "an unknown option names the nearest" {
    refused 1 "did you mean --steps?" "$VQDNA" train --stpes 3
    refused 1 "did you mean --read-bytes?" "$VQDNA" tokenize --read_bytes=3 x
    refused 1 "did you mean --quiet?" "$VQDNA" --quite devices
    refused 1 "unknown option -Z" "$VQDNA" eval -Z
}

@test "an option's argument is checked" {
    refused 1 "--steps needs an argument" "$VQDNA" train --steps
    refused 1 "--quiet takes no argument" "$VQDNA" train --quiet=yes
    refused 1 "--batch takes a whole number from 1 up, not '0'" "$VQDNA" eval --batch 0
    refused 1 "not '-3'" "$VQDNA" tokenize --read-bytes -3
    refused 1 "not '12x'" "$VQDNA" devices -t 12x
    refused 1 "not '99999999999999999999'" "$VQDNA" train --seed 99999999999999999999
    refused 1 "--checkpoint-every takes a number" "$VQDNA" train --checkpoint-every soon
    refused 1 "did you mean tsv" "$VQDNA" tokenize -m m -f tvs x
}

@test "--set checks keys and values" {
    touch x.fa
    refused 1 "commitment" "$VQDNA" train --set comitment=1 -o m x.fa
    refused 1 "window" "$VQDNA" train --window many -o m x.fa
    refused 1 "preset" "$VQDNA" train --preset huge -o m x.fa
    refused 1 "quantizer" "$VQDNA" train --quantizer rvq -o m x.fa
    [ ! -e m ]
}

@test "what is missing or too much is said" {
    refused 1 "-m" "$VQDNA" eval x.fa
    refused 1 "-m" "$VQDNA" tokenize x.fa
    refused 1 "-m" "$VQDNA" detokenize x.tsv
    refused 1 "an input is missing" "$VQDNA" tokenize -m m
    refused 1 "an input is missing" "$VQDNA" info
    refused 1 "one argument too many" "$VQDNA" info a b
    refused 1 "no sequences" "$VQDNA" train -o m
    refused 1 "-o" "$VQDNA" train x.fa
    refused 1 "exclude each other" "$VQDNA" train --steps 3 --epochs 2 -o m x.fa
}

@test "a full disk under standard output is said" {
    run --separate-stderr bash -c '"$VQDNA" help >/dev/full'
    [ "$status" -eq 2 ]
    [[ $stderr == *"cannot write standard output"* ]]
}

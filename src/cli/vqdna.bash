# bash completion for vqdna: commands and options come from the program's own help.
_vqdna() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "devices train eval tokenize detokenize merge codebook probe pretrain finetune predict report embed map compare info selftest tune bench help --help --version" -- "$word"))
        return
    fi
    case $before in
    --preset) COMPREPLY=($(compgen -W "tiny small base" -- "$word")) ;;
    --quantizer) COMPREPLY=($(compgen -W "hrq vq" -- "$word")) ;;
    -f | --format) COMPREPLY=($(compgen -W "tsv npy ndjson bin bed counts" -- "$word")) ;;
    --output | --bed | --annotation | --list-file | --svg | --train | --dev | --test | --against | --tokenizer-json | -o | --export | --import) compopt -o default ;;
    --ambiguous) COMPREPLY=($(compgen -W "mask skip error" -- "$word")) ;;
    --soft-mask) COMPREPLY=($(compgen -W "keep skip" -- "$word")) ;;
    --strand) COMPREPLY=($(compgen -W "plus minus both" -- "$word")) ;;
    --pool) COMPREPLY=($(compgen -W "mean max none" -- "$word")) ;;
    --from) COMPREPLY=($(compgen -W "codes encoder" -- "$word")) ;;
    --device) COMPREPLY=($(compgen -W "cpu gpu" -- "$word")) ;;
    help) COMPREPLY=($(compgen -W "devices train eval tokenize detokenize merge codebook probe pretrain finetune predict report embed map compare info selftest tune bench" -- "$word")) ;;
    *)
        if [[ $word == -* ]]; then
            local options
            options=$(vqdna help "$command" 2>/dev/null | grep -oE -- '^ +(-., +)?--[a-z-]+' | grep -oE -- '--[a-z-]+')
            COMPREPLY=($(compgen -W "$options" -- "$word"))
        elif [[ $command == tune ]]; then
            COMPREPLY=($(compgen -W "$(vqdna help tune 2>/dev/null | sed '1,/^Operations/d' | tr -d ,)" -- "$word"))
        elif [[ $command == bench && " ${COMP_WORDS[*]} " != *" --compare "* ]]; then
            COMPREPLY=($(compgen -W "peak gemm assign codebook attention fft longconv conv layernorm train-step tokenize" -- "$word"))
        else
            compopt -o default
        fi
        ;;
    esac
}
complete -F _vqdna vqdna

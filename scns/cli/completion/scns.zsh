#compdef @COMMANDS@
# Completion of scns and of Slurm's commands for zsh; printed by: scns completion zsh
# Put this line into ~/.zshrc, after compinit:  source <(scns completion zsh)

typeset -ga __scns_door
__scns_door=(@DOOR@)

_scns() {
    local -a answer plain open
    local action stay line value text
    answer=("${(@f)$("${__scns_door[@]}" zsh "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" \
        2>/dev/null </dev/null)}")
    [[ -n $answer[1] ]] || return 1
    action=${answer[1]%%$'\t'*}
    stay=${answer[1]#*$'\t'}
    # What stays of the word is not part of a match.
    [[ -z $stay ]] || compset -p ${#stay} || return 1
    case $action in
    files) _files && return ;;
    directories) _files -/ && return ;;
    programs) _command_names -e && return || _files && return ;;
    esac
    for line in "${(@)answer[2,-1]}"; do
        value=${line%%$'\t'*}
        text=${line#*$'\t'}
        line=${value//:/\\:}${text:+:$text}
        if [[ $value == *[=:@] ]]; then
            open+=("$line")
        else
            plain+=("$line")
        fi
    done
    local -i found=1
    (( $#plain )) && _describe -V scns plain && found=0
    (( $#open )) && _describe -V scns open -S '' && found=0
    return found
}

if [[ $funcstack[1] == _scns ]]; then
    # Loaded from fpath: this file is the function the first time.
    _scns "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
    compdef _scns @COMMANDS@
fi

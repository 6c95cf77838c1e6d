# Completion of scns and of Slurm's commands for bash; printed by: scns completion bash
# Put this line into ~/.bashrc:  source <(scns completion bash)

__scns_door=(@DOOR@)

_scns() {
    local -a answer
    local action stay line
    COMPREPLY=()
    mapfile -t answer < <("${__scns_door[@]}" bash "$COMP_WORDBREAKS" \
        "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
    [[ ${#answer[@]} -gt 0 ]] || return 0
    action=${answer[0]%%$'\t'*}
    stay=${answer[0]#*$'\t'}
    case $action in
    nospace)
        compopt -o nospace 2>/dev/null
        COMPREPLY=("${answer[@]:1}")
        ;;
    words)
        COMPREPLY=("${answer[@]:1}")
        ;;
    programs)
        mapfile -t COMPREPLY < <(compgen -c -- "${answer[1]}" | sort -u)
        compopt -o default 2>/dev/null
        ;;
    files | directories)
        if [[ -z $stay ]]; then
            # Nothing of the word stays: readline completes names itself, with ~ and quoting.
            if [[ $action == files ]]; then
                compopt -o default 2>/dev/null
            else
                compopt -o dirnames 2>/dev/null
            fi
        else
            while IFS= read -r line; do
                COMPREPLY+=("$stay$line")
            done < <(if [[ $action == files ]]; then
                compgen -f -- "${answer[1]}"
            else
                compgen -d -- "${answer[1]}"
            fi)
            compopt -o filenames -o nospace 2>/dev/null
        fi
        ;;
    esac
    return 0
}

complete -F _scns @COMMANDS@

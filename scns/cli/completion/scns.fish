# Completion of scns and of Slurm's commands for fish; printed by: scns completion fish
# Put this line into ~/.config/fish/config.fish:  scns completion fish | source

set -g __scns_door @DOOR@

function __scns_complete
    set -l before (commandline -opc)
    # A quote that is still open stays; what is completed begins after it.
    set -l current (string replace -r '^["\']' '' -- (commandline -ct))
    set -l answer ($__scns_door fish $before "$current" 2>/dev/null </dev/null)
    test (count $answer) -gt 0; or return
    set -l head (string split -m 1 \t -- $answer[1])
    switch $head[1]
        case files
            for path in (__fish_complete_path "$answer[2]")
                echo -- $head[2]$path
            end
        case directories
            for path in (__fish_complete_directories "$answer[2]")
                echo -- $head[2]$path
            end
        case programs
            __fish_complete_command
        case words
            for line in $answer[2..-1]
                echo -- $head[2]$line
            end
    end
end

for command in @COMMANDS@
    complete -c $command -e
    complete -c $command -f -k -a '(__scns_complete)'
end

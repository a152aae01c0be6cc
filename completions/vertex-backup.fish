# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_vertex_backup_global_optspecs
    string join \n db= backup-dir= remote-config= config= json format= progress= q/quiet v/verbose color= no-input y/yes lock-wait= timeout= h/help V/version
end

function __fish_vertex_backup_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_vertex_backup_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_vertex_backup_using_subcommand
    set -l cmd (__fish_vertex_backup_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -s V -l version -d 'Print version'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "init" -d 'Make a standalone database, where there is no application'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "company" -d 'Add, list, show and change companies'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "providers" -d 'List, test and set up backup providers'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "config" -d 'Assign a provider and a remote directory to a company'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "sync" -d 'Copy backup files to a company\'s remote, and prove that they arrived'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "backup" -d 'Make backups on this machine'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "files" -d 'List the backups on a company\'s remote'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "download" -d 'Bring a backup back, and prove that it is whole'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "delete" -d 'Delete backups from a company\'s remote'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "retention" -d 'Say how many backups are kept, and for how long'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "prune" -d 'Remove the backups that retention no longer keeps'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "pin" -d 'Exempt backups from retention'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "unpin" -d 'Take the exemption back'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "verify" -d 'Compare what is on a company\'s remote with what should be there'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "restore-test" -d 'Bring backups back for a test, and really open them'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "status" -d 'Show when each company was last backed up, and whether that is good enough'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "history" -d 'Show who did what, when, with what result'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "state" -d 'Check what is remembered of runs and backups, or rebuild it from the remotes'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c vertex-backup -n "__fish_vertex_backup_needs_command" -f -a "man" -d 'Print the manual, or write one page a command'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand init" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -f -a "add" -d 'Add a company'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -f -a "list" -d 'List all companies'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -f -a "show" -d 'Show one company'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and not __fish_seen_subcommand_from add list show update" -f -a "update" -d 'Rename a company, or change its assignment'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l name -d 'Its name' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l provider -d 'The backup provider: yandex_disk, google_drive or local' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l remote-path -d 'The remote directory [default: /vertex-ar/COMPANY-ID/backups]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l no-test -d 'Do not test the connection first'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l name -d 'A new name' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l provider -d 'The backup provider: yandex_disk, google_drive or local' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l remote-path -d 'The remote directory [default: /vertex-ar/COMPANY-ID/backups]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l no-test -d 'Do not test the connection first'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand company; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l all -d 'Also list providers that are not configured'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l no-check -d 'Do not test the connections'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "list" -d 'List the configured providers with their connection status'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "test" -d 'Test the connection'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "info" -d 'Show the room there is'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "set" -d 'Write a provider\'s credentials or root into the provider file'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "login" -d 'Log in to yandex_disk or google_drive, also on a machine without a browser, and store the token'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "protect" -d 'Encrypt the secrets that are stored, now and whenever they are written'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "unprotect" -d 'Store protected secrets in the plain again'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and not __fish_seen_subcommand_from list test info set login protect unprotect unset" -f -a "unset" -d 'Remove a provider\'s credentials or root from the provider file'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l all -d 'Also list providers that are not configured'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l no-check -d 'Do not test the connections'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from info" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l root -d 'local: the root directory, such as a mounted NAS' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l token-file -d 'Use the first line of this file as the token' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l token-command -d 'Use the first line this command prints as the token' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l refresh-token-file -d 'google_drive: the refresh token, as the first line of a file' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l client-id -d 'google_drive: the id of the OAuth client' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l client-secret-file -d 'google_drive: the secret of the OAuth client, as the first line of a file' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l service-account -d 'google_drive: the key file of a service account, in JSON' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l impersonate -d 'google_drive: the user the service account acts for' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l scope -d 'google_drive: what to ask for with a service account: drive.file, drive or drive.readonly [default: drive]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l folder-id -l folder -d 'google_drive: the folder below which all goes; \'\' for none' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l shared-drive-id -l shared-drive -d 'google_drive: the shared drive; \'\' for none' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l accept -d 'Take the storage or account that is there now, though another was used before'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l token-stdin -d 'Read the token from stdin, and store it in the file'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l disable -d 'Switch the provider off, and keep the rest'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l client-id -d 'The id of the application or OAuth client [default: the one stored]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l client-secret-file -d 'Use the first line of this file as its secret [default: the one stored]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l client-secret-command -d 'Use the first line this command prints as its secret' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l client-file -d 'google_drive: take id and secret from the JSON file that the Google console gives' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l scope -d 'google_drive: what to ask for: drive.file, drive or drive.readonly [default: the one stored, else drive.file]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l port -d 'google_drive: the port of this machine that the browser comes back to [default: any]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l client-secret-stdin -d 'Read its secret from stdin, and store it in the file'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l code -d 'Read from stdin what the browser shows: a code, or for google_drive the address of its last page'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l device -d 'google_drive: show a code to be typed on a phone; for the scope drive.file'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l no-test -d 'Do not test the connection afterwards'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l key-file -d 'Use the key in this file, as age-keygen writes it' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l key-command -d 'Use the key that is the first line this command prints' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l generate-key -d 'Make a new key in this file, which must not exist, and use it' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l all -d 'Also protect what the application reads itself: its own remote backups then stop working'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from protect" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l key-file -d 'Use the key in this file [default: the one that config.json tells of]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l key-command -d 'Use the key that is the first line this command prints' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unprotect" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand providers; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -f -a "set" -d 'Assign a provider and a remote directory to a company'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -f -a "get" -d 'Show what a company is assigned'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -f -a "list" -d 'List what all companies are assigned'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and not __fish_seen_subcommand_from set get list unset" -f -a "unset" -d 'Take a company\'s assignment away'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l provider -d 'The backup provider: yandex_disk, google_drive or local' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l remote-path -d 'The remote directory [default: /vertex-ar/COMPANY-ID/backups]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l no-test -d 'Do not test the connection first'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l unset -d 'Take the assignment away'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l provider -d 'Only companies with this provider' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l configured -d 'Only companies with a provider'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l unconfigured -d 'Only companies without a provider'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l provider -d 'With --all: only companies with this provider' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l type -d 'Only backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l since -d 'Only backups made since: a length of time such as 7d, or a date such as 2025-01-31' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l jobs -d 'With --all: so many companies at a time' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l all -d 'All companies that have a provider'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l latest -d 'Only the newest backup of each type'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l dry-run -d 'Only say what would be done'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l no-clobber -d 'Leave remote files alone that have the name and other content'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l force -d 'Send a backup that does not match its sidecar, too'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l fail-fast -d 'Stop at the first failure'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand sync" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -f -a "create" -d 'Make a backup of the database, of the stored files, or of both'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -f -a "list" -d 'List the backups on this machine'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -f -a "verify" -d 'Compare the backups on this machine with their sidecars, by reading them'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and not __fish_seen_subcommand_from create list verify rotate" -f -a "rotate" -d 'Remove the oldest backups from this machine, whole backups only'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l type -d 'What to back up: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l storage-dir -d 'The folder of the stored files [env: VERTEX_BACKUP_STORAGE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l sync -d 'Send the new backup to this company\'s remote: its id, or its exact name' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l type -d 'Only backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l type -d 'Only backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l keep-last -d 'Keep the newest so many of each type; 7 is what the application keeps' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l type -d 'Only remove backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l dry-run -d 'Only show what would be removed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand backup; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l type -d 'Only backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l all -d 'Also list unfinished uploads and what is no backup'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand files" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l type -d 'With --latest: the newest of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -s o -l output -d 'Where to: a folder, a file, or - for stdout' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l latest -d 'The newest backup'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l force -d 'Replace a different file of that name; take a backup that changed since it was stored'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l acknowledge-abuse -d 'google_drive: read also what Google takes for malware; only its owner may'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand download" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l permanent -d 'For good, and not to the provider\'s trash'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand delete" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -f -a "set" -d 'Set the policy of a company, or the default for all'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -f -a "get" -d 'Show which policy is in force for each type, and where it comes from'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -f -a "list" -d 'List all policies'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and not __fish_seen_subcommand_from set get list unset" -f -a "unset" -d 'Take a policy away'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l type -d 'For backups of this type: database, storage or full [default: all]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l keep-last -d 'Keep the newest N' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l keep-within -d 'Keep all that are no older, such as 30d' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l keep-daily -d 'Keep the newest of each of the last N days that have one' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l keep-weekly -d 'Keep the newest of each of the last N weeks that have one' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l keep-monthly -d 'Keep the newest of each of the last N months that have one' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l default -d 'For all companies that have no policy of their own'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l default -d 'For all companies that have no policy of their own'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l type -d 'The policy for backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l default -d 'For all companies that have no policy of their own'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand retention; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l provider -d 'With --all: only companies with this provider' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l type -d 'Remove only backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l max-delete -d 'Remove nothing at all when more than N backups would go' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l all -d 'All companies with a provider and a policy'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l dry-run -d 'Only say what would be removed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l permanent -d 'For good, and not to the provider\'s trash'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand prune" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand pin" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand unpin" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l provider -d 'With --all: only companies with this provider' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l sample -d 'Read back only this share of the backups, those compared longest ago first' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l type -d 'Only backups of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l all -d 'All companies that have a provider'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l download -d 'Read everything back, whatever the provider says of it'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l acknowledge-abuse -d 'google_drive: read also what Google takes for malware; only its owner may'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand verify" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l provider -d 'With --all: only companies with this provider' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l type -d 'Only the newest of this type: database, storage or full' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l scratch -d 'Where to make the scratch folder [env: VERTEX_BACKUP_SCRATCH] [default: the system\'s temporary folder]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l all -d 'All companies that have a provider'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l latest -d 'Only the newest backup'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l acknowledge-abuse -d 'google_drive: read also what Google takes for malware; only its owner may'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand restore-test" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l max-age -d 'Exit with 9 when a company\'s last verified backup is older, such as 26h' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l no-check -d 'Do not test the providers\' connections'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l metrics -d 'Print Prometheus text, for the node exporter\'s textfile collector'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand status" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l since -d 'Only what started within this time, such as 7d' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l limit -d 'At most so many; 0 for all' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l head -d 'With --check: a head printed earlier, which must still be part of the history' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l failed -d 'Only what failed, was refused or was interrupted'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l check -d 'Check that no row was altered, removed or inserted'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand history" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -f -a "check" -d 'Look for damage in what is remembered; nothing is changed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and not __fish_seen_subcommand_from check rebuild" -f -a "rebuild" -d 'Ask the remotes what is on them, and remember it again'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l provider -d 'With --all: only companies with this provider' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l all -d 'All companies that have a provider'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand state; and __fish_seen_subcommand_from rebuild" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand completions" -s h -l help -d 'Print help'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l out-dir -d 'Write one page a command into this folder' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l db -d 'The application\'s database [env: VERTEX_BACKUP_DB]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l backup-dir -d 'Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l remote-config -d 'The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l config -d 'Our own settings [env: VERTEX_BACKUP_CONFIG]' -r -F
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l format -d 'How to print results: table or json [env: VERTEX_BACKUP_FORMAT]' -r -f -a "table\t''
json\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l progress -d 'How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]' -r -f -a "auto\t''
bar\t''
plain\t''
json\t''
none\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l color -d 'When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l lock-wait -d 'Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l timeout -d 'Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]' -r
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l json -d 'Print one JSON document instead of a table'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -s q -l quiet -d 'Print errors only; JSON and what was asked for are still printed'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -s v -l verbose -d 'Say more: which settings won and why, and what is connected to'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -l no-input -d 'Never ask; what needs an answer fails with exit code 10'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -s y -l yes -d 'Answer yes to every question'
complete -c vertex-backup -n "__fish_vertex_backup_using_subcommand man" -s h -l help -d 'Print help'

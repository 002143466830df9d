# Sourced by sh and bash: reads a file of settings as systemd reads an EnvironmentFile=, each value on one line.

# trim TEXT: sets `trimmed` to it without blanks around it, such as the carriage return of another system.
trim() {
    trimmed=${1#"${1%%[![:space:]]*}"}
    trimmed=${trimmed%"${trimmed##*[![:space:]]}"}
}

# unquote TEXT: sets `unquoted` to what it means, without quotes and without backslashes that escape.
unquote() {
    rest=$1 within=start unquoted=
    while [ -n "$rest" ]; do
        char=${rest%"${rest#?}"} rest=${rest#?}
        case $within$char in
            start[[:space:]]) continue ;;
            start[\"\']) within=$char && continue ;;
            '""' | "''") within=start && continue ;;
            start\\ | bare\\) within=bare char=${rest%"${rest#?}"} rest=${rest#?} ;;
            start*) within=bare ;;
            '"\') case $rest in [\"\\\`\$]*) char=${rest%"${rest#?}"} rest=${rest#?} ;; esac ;;
        esac
        unquoted=$unquoted$char
    done
}

# export_settings FILE: what the environment has set already goes before.
export_settings() {
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in *=*) ;; *) continue ;; esac
        trim "${line%%=*}"
        name=$trimmed
        case $name in '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
        if printenv "$name" >/dev/null; then continue; fi
        trim "${line#*=}"
        unquote "$trimmed"
        export "$name=$unquoted"
    done <"$1"
}

# Sourced by bash.

# remove_unused_releases FOLDER RELEASE...: all in the folder but those named and those that processes run from.
remove_unused_releases() {
    local folder=$1 release
    shift
    for release in "$folder"/*; do
        case " $* " in *" ${release##*/} "*) continue ;; esac
        # A role runs from the release that it was started from until it is restarted, after several upgrades, too.
        grep -qsF "$release/" /proc/[0-9]*/maps || rm -rf "$release"
    done
}

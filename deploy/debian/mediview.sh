#!/bin/sh
# The commands of the node with the settings of /etc/mediview/mediview.env, as its user.
set -eu
if [ "$(id -u)" -ne 0 ] && [ "$(id -un)" != mediview ]; then
    echo "mediview: settings and data are those of the user mediview: sudo mediview $*" >&2
    exit 77
fi
# As systemd reads it: what is set already goes before.
while IFS= read -r line || [ -n "$line" ]; do
    name=${line%%=*} value=${line#*=}
    case $line in [A-Za-z_]*=*) ;; *) continue ;; esac
    case $name in *[!A-Za-z0-9_]*) continue ;; esac
    if printenv "$name" >/dev/null; then continue; fi
    case $value in
        \"*\") value=${value#\"} value=${value%\"} ;;
        \'*\') value=${value#\'} value=${value%\'} ;;
    esac
    export "$name=$value"
done </etc/mediview/mediview.env
export MEDIVIEW_DATA_DIR="${MEDIVIEW_DATA_DIR:-/var/lib/mediview}"
export MEDIVIEW_SECRETS_DIR="${MEDIVIEW_SECRETS_DIR:-/etc/mediview/secrets}"
export HOME=/var/lib/mediview
umask 077
if [ "$(id -u)" -eq 0 ]; then
    exec runuser --user mediview -- /opt/mediview/bin/mediview "$@"
fi
exec /opt/mediview/bin/mediview "$@"

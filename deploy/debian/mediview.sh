#!/bin/sh
# The commands of the node with the settings of /etc/mediview/mediview.env, as its user.
set -eu
if [ "$(id -u)" -ne 0 ] && [ "$(id -un)" != mediview ]; then
    echo "mediview: settings and data are those of the user mediview: sudo mediview $*" >&2
    exit 77
fi
. /usr/lib/mediview/settings.sh
export_settings /etc/mediview/mediview.env
export MEDIVIEW_DATA_DIR="${MEDIVIEW_DATA_DIR:-/var/lib/mediview}"
export MEDIVIEW_SECRETS_DIR="${MEDIVIEW_SECRETS_DIR:-/etc/mediview/secrets}"
export HOME=/var/lib/mediview
umask 077
if [ "$(id -u)" -eq 0 ]; then
    exec runuser --user mediview -- /opt/mediview/bin/mediview "$@"
fi
exec /opt/mediview/bin/mediview "$@"

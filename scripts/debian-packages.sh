#!/bin/bash
# Installs the Debian packages that the tests run against: DICOM peers and checkers, databases,
# an S3 server, a browser. The node itself (`make run`) needs none of them.
set -euo pipefail

packages=(
    dcmtk orthanc orthanc-dicomweb dicom3tools dcm2niix    # DICOM peers and checkers
    plastimatch                                            # fills contours (RTSTRUCT)
    poppler-utils                                          # reads the PDF reports
    postgresql redis-server radosgw ceph-mon ceph-osd curl # the full mode's services
    chromium firefox-esr xvfb fonts-dejavu-core            # the viewer's browsers
    rsyslog rsyslog-openssl                                # the audit repository
    openssh-server                                         # a destination by SFTP
    faketime                                               # clocks that tests set
    strace                                                 # disks that fail or are slow
    haproxy                                                # one address in front of several receivers
    prometheus                                             # promtool checks the alert rules
)

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: these must be there by other means: ${packages[*]}"
    exit 0
fi
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "All ${#packages[@]} Debian packages are installed."
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root=(sudo)
    else
        # In CI everything is to be tested; elsewhere the last lines name the tests that were left out.
        echo "Tests need these Debian packages, and this user may not install them:" >&2
        echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
        [ -n "${CI:-}" ] && exit 1
        echo "The tests that need them are left out." >&2
        exit 0
    fi
fi
echo "Installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    exit 1
fi

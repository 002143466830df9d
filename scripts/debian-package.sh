#!/bin/bash
# usage: debian-package.sh
# Packs the node with its built viewer as a Debian package, in .stamps/debian. It carries sources, lock file, units
# and settings, and makes the environment of Python where it is installed. The same commit gives the same bytes.
#
#   REVISION     of the package (default: 1)
#   VIEWER       the built viewer (default: viewer/out)
#   OUTPUT       where the package is written (default: .stamps/debian)
#   COMPRESSION  none, for tests (default: xz)
set -euo pipefail
cd "$(dirname "$0")/.."
viewer=${VIEWER:-viewer/out}
[ -f "$viewer/index.html" ] || { echo "$viewer has no built viewer: make viewer" >&2; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)-${REVISION:-1}
root=$(mktemp --directory)
trap 'rm -rf "$root"' EXIT
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

chmod 755 "$root"
release=$root/opt/mediview/releases/$version
install -d "$release/scripts" "$root/DEBIAN"
# What the Dockerfile copies; links would lead out of the package.
git ls-files -z pyproject.toml uv.lock README.md LICENSE storage dicom_node inference api clients/python \
    | tar --create --null --files-from=- | tar --extract --directory "$release"
install -m 755 scripts/install.sh "$release/scripts/"
install -m 644 scripts/uv.txt "$release/scripts/"
install -d "$release/viewer"
tar --create --exclude=.built --directory "$viewer/" . | tar --extract --no-same-owner --directory "$release/viewer"

install -D -m 644 -t "$root/usr/lib/systemd/system" deploy/systemd/*
install -D -m 644 deploy/debian/mediview.sysusers "$root/usr/lib/sysusers.d/mediview.conf"
install -D -m 644 deploy/debian/mediview.tmpfiles "$root/usr/lib/tmpfiles.d/mediview.conf"
install -D -m 755 deploy/debian/mediview.sh "$root/usr/bin/mediview"
install -D -m 644 deploy/debian/settings.sh "$root/usr/lib/mediview/settings.sh"
install -D -m 640 .env.example "$root/etc/mediview/mediview.env"
install -D -m 600 deploy/debian/install.env "$root/etc/mediview/install.env"
install -D -m 644 LICENSE "$root/usr/share/doc/mediview/copyright"
gzip --no-name --best --stdout CHANGELOG.md >"$root/usr/share/doc/mediview/changelog.gz"

size=$(du --summarize --block-size=1K "$root" 2>/dev/null | cut -f 1 || true)
for name in control postinst prerm postrm; do
    sed -e "s/@VERSION@/$version/g" -e "s/@SIZE@/${size:-0}/" "deploy/debian/$name" >"$root/DEBIAN/$name"
done
chmod 755 "$root"/DEBIAN/{postinst,prerm,postrm}
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
chmod -R u=rwX,go=rX "$root/opt" "$root/usr"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
output=${OUTPUT:-.stamps/debian}
mkdir -p "$output"
dpkg-deb --root-owner-group -Z"${COMPRESSION:-xz}" --build "$root" "$output/mediview_${version}_all.deb"

#!/bin/bash
# usage: debian-package.sh
# Packs a commit of the node, with its built viewer, as a Debian package in .stamps/debian. It carries sources, lock file,
# units and settings, and makes the environment of Python where it is installed. The same commit and viewer give the
# same bytes; uncommitted changes are not packed.
#
#   COMMIT       what is packed (default: HEAD)
#   REVISION     of the package (default: date, time and hash of the commit, so that a later one is an upgrade)
#   VIEWER       the built viewer (default: viewer/out, which has to be built without uncommitted changes)
#   OUTPUT       where the package is written (default: .stamps/debian)
#   COMPRESSION  none, for tests (default: xz)
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
commit=$(git rev-parse --verify "${COMMIT:-HEAD}^{commit}")
if [ -z "${COMMIT:-}" ] && [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "Uncommitted changes are not in the package, which is of $commit." >&2
fi
if [ -z "${VIEWER:-}" ] && [ -n "$(git status --porcelain viewer)" ]; then
    echo "viewer/ has uncommitted changes, which the built viewer would have: commit them, or name another as VIEWER." >&2
    exit 1
fi
viewer=${VIEWER:-viewer/out}
[ -f "$viewer/index.html" ] || { echo "$viewer has no built viewer: make viewer" >&2; exit 1; }
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct "$commit")}
revision=${REVISION:-$(TZ=UTC git log -1 --abbrev=12 --date=format-local:%Y%m%d.%H%M%S --format=%cd.g%h "$commit")}
root=$(mktemp --directory)
sources=$(mktemp --directory)
trap 'rm -rf "$root" "$sources"' EXIT
git archive "$commit" pyproject.toml uv.lock README.md LICENSE CHANGELOG.md .env.example deploy scripts \
    storage dicom_node inference api clients/python | tar --extract --directory "$sources"
schema=$(cd "$sources/storage/migrations/versions" && printf '%s\n' [0-9]*_*.py | sort | tail -n 1 | cut -d _ -f 1)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$sources/pyproject.toml")-$revision

chmod 755 "$root"
release=$root/opt/mediview/releases/$version
install -d "$release/scripts" "$release/clients" "$root/DEBIAN"
# What the Dockerfile copies.
cp -R "$sources"/{pyproject.toml,uv.lock,README.md,LICENSE,storage,dicom_node,inference,api} "$release/"
cp -R "$sources/clients/python" "$release/clients/"
install -m 755 "$sources/scripts/install.sh" "$release/scripts/"
install -m 644 "$sources/scripts/uv.txt" "$release/scripts/"
install -d "$release/viewer"
tar --create --exclude=.built --directory "$viewer/" . | tar --extract --no-same-owner --directory "$release/viewer"

install -D -m 644 -t "$root/usr/lib/systemd/system" "$sources"/deploy/systemd/*
install -D -m 644 "$sources/deploy/debian/mediview.sysusers" "$root/usr/lib/sysusers.d/mediview.conf"
install -D -m 644 "$sources/deploy/debian/mediview.tmpfiles" "$root/usr/lib/tmpfiles.d/mediview.conf"
install -D -m 755 "$sources/deploy/debian/mediview.sh" "$root/usr/bin/mediview"
install -D -m 644 -t "$root/usr/lib/mediview" "$sources"/deploy/debian/{settings,releases}.sh
install -D -m 640 "$sources/.env.example" "$root/etc/mediview/mediview.env"
install -D -m 600 "$sources/deploy/debian/install.env" "$root/etc/mediview/install.env"
install -D -m 644 "$sources/LICENSE" "$root/usr/share/doc/mediview/copyright"
gzip --no-name --best --stdout "$sources/CHANGELOG.md" >"$root/usr/share/doc/mediview/changelog.gz"

# In KiB, as dpkg-gencontrol counts; what files take differs by file system.
size=$(find "$root" \( -type f -printf '%s\n' \) -o -printf '1\n' | awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }')
for name in control preinst postinst prerm postrm; do
    sed -e "s/@VERSION@/$version/g" -e "s/@SIZE@/$size/" -e "s/@SCHEMA@/$schema/g" "$sources/deploy/debian/$name" >"$root/DEBIAN/$name"
done
chmod 755 "$root"/DEBIAN/{preinst,postinst,prerm,postrm}
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
chmod -R u=rwX,go=rX "$root/opt" "$root/usr"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
output=${OUTPUT:-.stamps/debian}
mkdir -p "$output"
dpkg-deb --root-owner-group -Z"${COMPRESSION:-xz}" --build "$root" "$output/mediview_${version}_all.deb"

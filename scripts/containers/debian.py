"""usage: debian.py [--keep]

The Debian package on a machine of Debian and systemd, which is a container: installed, enabled, a
chest CT sent by DCMTK from outside until its SEG and SR arrive outside, backed up by its unit,
restarted, upgraded, run as the roles of the full mode, removed, purged and installed again. What
was received is asked for after each. Needs podman, as root, DCMTK and the built viewer.

  DEBIAN_BASE   the base (docker.io/library/debian:bookworm-slim)
  BUILD         further options of `podman build`
  BARE_RUN      further options of `podman run`
  TORCH_WHEELS  a folder with CPU builds of PyTorch, copied into the container
  FIRST_PORT    the port of this machine that results are sent to (18110)
"""

import http.client
import os
import time
from pathlib import Path

from commands import ROOT, run, until
from debian_machine import (
    ENVIRONMENT,
    HTTP,
    NAME,
    address,
    answers,
    inside,
    install,
    instances_of,
    send_and_wait,
    show,
    succeeds,
    try_on_debian,
)
from outside import fetched, new_key

OUTSIDE = int(os.environ.get("FIRST_PORT", "18110"))
LINE_OF_SITE = "MEDIVIEW_AE_TITLE=HOSPITAL"
LINE_OF_RELEASE = "# A setting that the next release adds."
ROLES = (
    *(f"mediview@{role}" for role in ("scp", "api", "beat", "hl7")),
    *(f"mediview-worker@{queue}" for queue in ("control", "jobs", "language")),
)


def package(revision: int) -> Path:
    run(
        ROOT / "scripts/debian-package.sh",
        env=os.environ | {"REVISION": str(revision), "COMPRESSION": "none"},
    )
    (made,) = (ROOT / ".stamps/debian").glob(f"mediview_*-{revision}_all.deb")
    return made


def with_another_setting(made: Path, folder: Path) -> Path:
    """The package as a later release has it, whose file of settings differs."""
    run("dpkg-deb", "--raw-extract", made, folder / "raw")
    with (folder / f"raw{ENVIRONMENT}").open("a") as settings:
        settings.write(f"{LINE_OF_RELEASE}\n")
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", folder / "raw", folder / made.name)
    return folder / made.name


def configure(gateway: str) -> None:
    lines = (
        LINE_OF_SITE,
        "MEDIVIEW_AUTH=required",
        "MEDIVIEW_HTTP_HOST=0.0.0.0",
        "MEDIVIEW_DICOM_HOST=0.0.0.0",
        "MEDIVIEW_TRUSTED_NETWORK=true",
        "MEDIVIEW_HL7_PORT=2575",
        "MEDIVIEW_BACKUP_TO=/mnt/backup",
        f"MEDIVIEW_DESTINATIONS=outside=OUTSIDE@{gateway}:{OUTSIDE}",
    )
    inside("tee", "--append", ENVIRONMENT, input="\n" + "\n".join(lines) + "\n")
    inside("install", "-d", "-o", "mediview", "/mnt/backup")
    key = inside("mediview", "backup", "new-key").split()[0]
    for folder in ("", *ROLES):
        path = f"/etc/mediview/secrets/{folder.partition('@')[2]}/mediview_backup_key"
        inside("sh", "-c", f"umask 027; cat >{path}; chgrp mediview {path}", input=key)


def try_whole_node(outside: Path) -> tuple[str, str]:
    begun_s = time.monotonic()
    inside("systemctl", "enable", "--now", "mediview.service", "mediview-backup.timer")
    until(answers, "The node")
    print(f"mediview.service is ready after {time.monotonic() - begun_s:.0f} s: {show('mediview')}")
    status, page, _ = fetched(address(), HTTP, "/")
    assert status == http.client.OK, status
    assert b"<html" in page, page[:300]
    print(f"viewer: its first page, {len(page)} bytes")
    key = new_key(inside, "outside", "dicomweb:read")
    study = send_and_wait(outside, "HOSPITAL")
    inside("systemctl", "start", "mediview-backup.service")
    print(f"mediview-backup.service: {show('mediview-backup')['Result']}")
    found = inside("sh", "-c", "find /var/lib/mediview ! -user mediview").split()
    assert found == [], found
    begun_s = time.monotonic()
    run("podman", "restart", NAME)
    until(answers, "The node after a restart of the machine")
    print(f"machine restarted: the node is back after {time.monotonic() - begun_s:.0f} s")
    return study, key


def try_roles(outside: Path) -> None:
    inside("systemctl", "disable", "--now", "mediview.service")
    inside("mediview", "migrate")
    inside("systemctl", "start", *ROLES)
    until(answers, "The API as a role")
    study = send_and_wait(outside, "HOSPITAL")
    for role in ROLES:
        state = show(f"{role}.service")
        assert (state["ActiveState"], state["NRestarts"]) == ("active", "0"), (role, state)
    print(f"as roles: {', '.join(ROLES)} are active, none was restarted; study {study}")
    inside("systemctl", "stop", *ROLES)
    # A machine without a kernel of its own fails units of Debian's.
    failed = inside(
        "systemctl", "list-units", "--failed", "--plain", "--no-legend", "mediview*"
    ).strip()
    assert not failed, failed


def try_story(outside: Path, folder: Path, gateway: str) -> None:
    first, second = package(1), with_another_setting(package(2), folder)
    printed = install(first)
    assert "nothing is started yet" in printed, printed
    assert not succeeds("systemctl", "is-active", "mediview.service")
    configure(gateway)
    study, key = try_whole_node(outside)
    count = instances_of(study, key)
    before = show("mediview")["MainPID"]

    install(second)
    until(answers, "The node after the upgrade")
    assert show("mediview")["MainPID"] != before
    release = inside("readlink", "--canonicalize", "/opt/mediview/bin").strip()
    assert release.endswith("-2/.venv/bin"), release
    settings = inside("cat", ENVIRONMENT)
    assert LINE_OF_SITE in settings
    assert LINE_OF_RELEASE not in settings
    assert LINE_OF_RELEASE in inside("cat", f"{ENVIRONMENT}.dpkg-dist")
    assert instances_of(study, key) == count
    print(f"upgraded to {release}: the site's settings are in force, {count} instances are there")

    try_roles(outside)
    inside("systemctl", "enable", "--now", "mediview.service")
    until(answers, "The node")

    inside("apt-get", "remove", "-y", "-qq", "mediview")
    assert not answers()
    assert not succeeds("ls", "/opt/mediview")
    assert LINE_OF_SITE in inside("cat", ENVIRONMENT)
    print("removed: stopped, settings and data are there")
    for line in inside("apt-get", "purge", "-y", "-qq", "mediview").splitlines():
        if line.startswith("mediview:"):
            print(f"  {line}")
    assert not succeeds("ls", ENVIRONMENT)
    print("purged; left:", inside("du", "-sh", "/var/lib/mediview", "/etc/mediview").split("\n"))
    install(second)
    configure(gateway)
    inside("systemctl", "start", "mediview.service")
    until(answers, "The node, installed again")
    assert instances_of(study, key) == count
    print("installed again: all instances are there")


if __name__ == "__main__":
    try_on_debian(__doc__.splitlines()[0], OUTSIDE, try_story)

"""usage: debian_upgrade.py [--keep]

The Debian package of an older commit, with an older schema, on a machine of Debian and systemd,
which is a container: a chest CT is received and its results arrive outside. Then today's package is
installed over it, and nothing may be missing: instances, jobs, results, accounts, keys, the audit
trail. The package of a schema after today's follows, from which today's is refused with a reason
while the node goes on, and the older one's node refuses its database. Needs podman, as root, DCMTK
and the built viewer; the settings are those of debian.py.

  FIRST_PORT   the port of this machine that results are sent to (18115)
"""

import http.client
import json
import os
import re
from pathlib import Path
from typing import Any

from commands import ROOT, run, until
from debian_machine import (
    ENVIRONMENT,
    HTTP,
    address,
    answers,
    inside,
    install,
    send_and_wait,
    try_on_debian,
)
from outside import fetched, new_key

OUTSIDE = int(os.environ.get("FIRST_PORT", "18115"))
OLDER = "5a1cd50492f9"
"""The first commit that has a Debian package; its schema is 0150."""
LATER = "9001"
MIGRATION = '''"""A table of the next release."""

import sqlalchemy as sa
from alembic import op

revision = "{later}"
down_revision = "{newest}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table("of_the_next_release", sa.Column("number", sa.Integer, primary_key=True))
'''


def schema_of(versions: Path) -> str:
    return max(one.name.partition("_")[0] for one in versions.glob("[0-9]*_*.py"))


def packed(sources: Path, output: Path, revision: int) -> Path:
    run(
        sources / "scripts/debian-package.sh",
        env=os.environ
        | {
            "REVISION": str(revision),
            "COMPRESSION": "none",
            "OUTPUT": str(output),
            "VIEWER": str(ROOT / "viewer/out"),
        },
    )
    (made,) = output.glob(f"mediview_*-{revision}_all.deb")
    return made


def older_package(folder: Path) -> tuple[Path, str]:
    """By the scripts of its own commit; with its schema."""
    sources = folder / "older"
    run("git", "clone", "--quiet", "--shared", "--no-checkout", ROOT, sources)
    run("git", "-C", sources, "checkout", "--quiet", OLDER)
    schema = schema_of(sources / "storage/migrations/versions")
    return packed(sources, folder, 1), schema


def later_package(today: Path, folder: Path, revision: int, newest: str) -> Path:
    """Today's with one more migration."""
    raw = folder / "later"
    run("dpkg-deb", "--raw-extract", today, raw)
    (release,) = (raw / "opt/mediview/releases").iterdir()
    former = release.name
    version = re.sub(r"-\d+$", f"-{revision}", former)
    release = release.rename(release.with_name(version))
    migration = release / f"storage/migrations/versions/{LATER}_add_a_table.py"
    migration.write_text(MIGRATION.format(later=LATER, newest=newest))
    for path in (raw / "DEBIAN").iterdir():
        path.write_text(path.read_text().replace(former, version))
    made = folder / f"mediview_{version}_all.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", raw, made)
    return made


def found(path: str, key: str) -> Any:
    status, body, _ = fetched(address(), HTTP, path, key)
    assert status == http.client.OK, (path, status, body[:300])
    return json.loads(body)


def state(study: str, key: str) -> dict[str, Any]:
    """What the node has of the study and of those who may ask for it."""
    instances = found(f"/dicom-web/studies/{study}/instances", key)
    jobs = found(f"/api/v1/jobs?study_instance_uid={study}", key)
    rows = next(iter(one for one in jobs.values() if isinstance(one, list)))
    findings = found(f"/api/v1/studies/{study}/findings", key)
    return {
        "instances": sorted(one["00080018"]["Value"][0] for one in instances),
        "jobs": sorted(f"{one['job_id']} {one['pipeline']} {one['state']}" for one in rows),
        "findings": len(findings if isinstance(findings, list) else findings["items"]),
        "admin": "admin" in inside("mediview", "users", "list"),
    }


def configure(gateway: str) -> None:
    lines = (
        "MEDIVIEW_AUTH=required",
        "MEDIVIEW_HTTP_HOST=0.0.0.0",
        "MEDIVIEW_DICOM_HOST=0.0.0.0",
        "MEDIVIEW_TRUSTED_NETWORK=true",
        f"MEDIVIEW_DESTINATIONS=outside=OUTSIDE@{gateway}:{OUTSIDE}",
    )
    inside("tee", "--append", ENVIRONMENT, input="\n" + "\n".join(lines) + "\n")


def refused(made: Path) -> str:
    """What apt prints where it does not install a package."""
    try:
        install(made)
    except SystemExit as reason:
        return str(reason)
    raise SystemExit(f"{made.name} was installed.")


def try_story(outside: Path, folder: Path, gateway: str) -> None:
    older, schema = older_package(folder)
    newest = schema_of(ROOT / "storage/migrations/versions")
    assert schema < newest, (schema, newest)
    today = packed(ROOT, folder, 2)
    later = later_package(today, folder, 3, newest)

    install(older)
    configure(gateway)
    inside("systemctl", "enable", "--now", "mediview.service")
    until(answers, f"The node of {OLDER}")
    words = ("mediview", "users", "add", "admin", "--role", "admin", "--password-stdin")
    inside(*words, input="correct horse battery staple 7\n")
    key = new_key(inside, "outside", "dicomweb:read", "api:read")
    study = send_and_wait(outside, "MEDIVIEW")
    before = state(study, key)
    print(f"schema {schema}: {len(before['instances'])} instances, jobs {before['jobs']}")

    for made, number in ((today, newest), (later, LATER)):
        install(made)
        until(answers, f"The node of schema {number}")
        assert state(study, key) == before, (state(study, key), before)
        for part in ("storage", "audit"):
            inside("mediview", part, "verify")
        print(f"upgraded to schema {number}: nothing is missing, storage and audit are verified")
    again = send_and_wait(outside, "MEDIVIEW")
    process = inside("systemctl", "show", "mediview", "--property", "MainPID")

    reason = refused(today)
    assert f"has brought the database to schema {LATER}" in reason, reason
    assert f"knows none after {newest}" in reason, reason
    assert inside("systemctl", "show", "mediview", "--property", "MainPID") == process
    assert state(study, key) == before
    print("the older package was refused, and the node goes on:")
    for line in reason.splitlines():
        if line.startswith("mediview:"):
            print(f"  {line}")

    # It was made before packages refused: its node does.
    install(older)
    until(lambda: f"schema {LATER}" in journal(), f"The refusal of {OLDER}")
    assert not answers()
    refusal = next(line for line in journal().splitlines() if f"schema {LATER}" in line)
    print(f"the node of {OLDER} refuses the database: {refusal[-240:]}")
    install(later)
    until(answers, "The node of the later package, installed again")
    assert state(study, key) == before
    assert state(again, key)["instances"]
    print("installed again: nothing is missing")


def journal() -> str:
    return inside("journalctl", "--no-pager", "--lines", "200", "--unit", "mediview")


if __name__ == "__main__":
    try_on_debian(__doc__.splitlines()[0], OUTSIDE, try_story)

"""The Debian package has what an installation needs, and keeps what a site has changed."""

import mmap
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEBIAN = ROOT / "deploy" / "debian"


def commit_of_working_tree(folder: Path, at: str) -> str:
    """What a commit of all that is changed would be; no branch and no index is changed."""
    person = {"NAME": "Nobody", "EMAIL": "nobody@localhost", "DATE": at}
    stated = {
        f"GIT_{who}_{key}": one for key, one in person.items() for who in ("AUTHOR", "COMMITTER")
    }
    environment = os.environ | stated

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    index = git("rev-parse", "--path-format=absolute", "--git-path", "index")
    environment["GIT_INDEX_FILE"] = shutil.copy(index, str(folder / "index"))
    git("add", "--all")
    return git("commit-tree", git("write-tree"), "-p", "HEAD", "-m", "As it lies here")


def packed(commit: str, folder: Path, **environment: str) -> Path:
    """The package of a commit, with a small viewer."""
    (folder / "viewer").mkdir(parents=True)
    (folder / "viewer/index.html").write_text("<html></html>")
    settings = {
        "COMMIT": commit,
        "VIEWER": f"{folder}/viewer",
        "OUTPUT": f"{folder}/made",
        "COMPRESSION": "none",
    }
    subprocess.run(
        ["scripts/debian-package.sh"],
        cwd=ROOT,
        env=os.environ | settings | environment,
        check=True,
        capture_output=True,
    )
    (package,) = (folder / "made").iterdir()
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")
    folder = tmp_path_factory.mktemp("package")
    return packed(commit_of_working_tree(folder, "2026-01-02T03:04:05+01:00"), folder)


@pytest.fixture(scope="module")
def unpacked(package: Path) -> Path:
    """Files of the package, with its own in DEBIAN/."""
    raw = package.parent / "raw"
    subprocess.run(["dpkg-deb", "--raw-extract", package, raw], check=True)
    return raw


def test_a_commit_gives_the_same_bytes_and_a_later_one_is_an_upgrade(
    package: Path, tmp_path: Path
) -> None:
    """On another file system, too, and for a person whose files others may not read."""
    made = re.fullmatch(r"mediview_(.*-20260102\.020405\.g(\w{12,}))_all\.deb", package.name)
    assert made
    former_umask = os.umask(0o077)
    try:
        elsewhere = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
        assert packed(made[2], tmp_path / "again", **elsewhere).read_bytes() == package.read_bytes()
    finally:
        os.umask(former_umask)
    for former in ("0.1.0-1", "0.1.0-20260102.020404.gffffffffffff"):
        subprocess.run(["dpkg", "--compare-versions", made[1], "gt", former], check=True)


def test_settings_are_a_site_s_own_once_it_has_changed_them(unpacked: Path) -> None:
    listed = (unpacked / "DEBIAN/conffiles").read_text().split()
    there = {f"/{one.relative_to(unpacked)}" for one in (unpacked / "etc").rglob("*.env")}
    assert set(listed) == there == {"/etc/mediview/mediview.env", "/etc/mediview/install.env"}
    modes = {one.name: oct(one.stat().st_mode & 0o777) for one in (unpacked / "etc").rglob("*.env")}
    assert modes == {"mediview.env": "0o640", "install.env": "0o600"}, "they may hold secrets"


def test_it_carries_all_that_the_environment_is_made_of(unpacked: Path) -> None:
    (release,) = (unpacked / "opt/mediview/releases").iterdir()
    copied = re.findall(r"^COPY ([\w./ -]+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    wanted = {one for line in copied for one in line.split() if not one.startswith("viewer")}
    assert {"uv.lock", "scripts/uv.txt", "storage/"} <= wanted
    of_viewer = {"scripts/viewer.sh", "scripts/replace-folder.sh"}
    assert [one for one in sorted(wanted - of_viewer) if not (release / one).exists()] == []
    assert (release / "viewer/index.html").is_file()
    units = {one.name for one in (ROOT / "deploy/systemd").iterdir()}
    assert {one.name for one in (unpacked / "usr/lib/systemd/system").iterdir()} == units
    assert not list(unpacked.rglob("__pycache__"))


def unpacking(package: Path, root: Path) -> list[str]:
    """What unpacks it in a machine of its own, whose root is that folder."""
    (root / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg/status").touch()
    words = ["dpkg", f"--root={root}", "--force-script-chrootless", "--force-not-root"]
    return [*words, "--force-depends", "--force-unsafe-io", "--unpack", str(package)]


def test_an_environment_made_by_hand_is_refused_at_once_with_the_remedy(
    package: Path, tmp_path: Path
) -> None:
    """As docs/operations.md has systemd without the package: python3 -m venv /opt/mediview."""
    words = unpacking(package, tmp_path)
    program = tmp_path / "opt/mediview/bin/mediview"
    program.parent.mkdir(parents=True)
    program.write_text("by hand")
    refused = subprocess.run(words, check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "mv /opt/mediview /opt/mediview.former" in refused.stderr
    assert [one.name for one in (tmp_path / "opt/mediview").iterdir()] == ["bin"]
    assert program.read_text() == "by hand"
    removed = " ".join(re.findall(r"rm -f (.*)", refused.stderr))
    expanded = subprocess.run(["bash", "-c", f"echo {removed}"], check=True, capture_output=True)
    units = {f"/etc/systemd/system/{one.name}" for one in (ROOT / "deploy/systemd").iterdir()}
    others = {"/etc/sysusers.d/mediview.conf", "/etc/tmpfiles.d/mediview.conf"}
    assert set(expanded.stdout.decode().split()) == units | others
    (tmp_path / "opt/mediview").rename(tmp_path / "opt/mediview.former")
    subprocess.run(words, check=True, capture_output=True)
    assert [one.name for one in (tmp_path / "opt/mediview").iterdir()] == ["releases"]


def later(unpacked: Path, folder: Path, version: str, *migrations: str) -> Path:
    """The package as a later commit has it, with further migrations."""
    shutil.copytree(unpacked, folder)
    (release,) = (folder / "opt/mediview/releases").iterdir()
    release = release.rename(release.with_name(version))
    for name in migrations:
        (release / "storage/migrations/versions" / name).touch()
    control = folder / "DEBIAN/control"
    stated = re.sub("^Version: .*", f"Version: {version}", control.read_text(), flags=re.MULTILINE)
    control.write_text(stated)
    words = ["dpkg-deb", "--root-owner-group", "-Znone", "--build"]
    made = folder.with_suffix(".deb")
    subprocess.run([*words, folder, made], check=True, capture_output=True)
    return made


def test_an_older_schema_is_refused_with_a_reason_while_the_newer_release_goes_on(
    package: Path, unpacked: Path, tmp_path: Path
) -> None:
    root, releases = tmp_path / "root", tmp_path / "root/opt/mediview/releases"
    alike = later(unpacked, tmp_path / "alike", "9.0.0-1")
    newer = later(unpacked, tmp_path / "newer", "9.0.0-2", "9001_keep_more.py")
    for one in (alike, package, alike, newer):
        # Without a migration between them, one may go back.
        subprocess.run(unpacking(one, root), check=True, capture_output=True)
    refused = subprocess.run(unpacking(package, root), check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "has brought the database to schema 9001" in refused.stderr
    known = max(one.name[:4] for one in (ROOT / "storage/migrations/versions").glob("0*.py"))
    assert f"knows none after {known}." in refused.stderr
    assert "mediview restore" in refused.stderr
    assert [one.name for one in releases.iterdir()] == ["9.0.0-2"]


def test_a_release_that_a_process_runs_from_stays(tmp_path: Path) -> None:
    """Of a role that was not restarted before `dpkg-reconfigure`, or since two upgrades."""
    for name in ("0.1.0-1", "0.1.0-2", "0.1.0-3", "0.1.0-4"):
        (tmp_path / "releases" / name).mkdir(parents=True)
        (tmp_path / "releases" / name / "library.so").write_bytes(b"1")
    program = 'set -euo pipefail; . "$1"; remove_unused_releases "$2" "$3" "$4"'
    words = ("bash", "-c", program, "bash", f"{DEBIAN}/releases.sh", f"{tmp_path}/releases")

    def left(*named: str) -> list[str]:
        subprocess.run([*words, *named], check=True)
        return sorted(one.name for one in (tmp_path / "releases").iterdir())

    with (tmp_path / "releases/0.1.0-1/library.so").open("rb") as library:
        with mmap.mmap(library.fileno(), 0, access=mmap.ACCESS_READ):
            assert left("0.1.0-4", "0.1.0-3") == ["0.1.0-1", "0.1.0-3", "0.1.0-4"]
            assert left("0.1.0-4", "0.1.0-4") == ["0.1.0-1", "0.1.0-4"]
        assert left("0.1.0-4", "") == ["0.1.0-4"]


def test_each_role_of_a_unit_has_its_folder_of_secrets(unpacked: Path) -> None:
    from tests.distribution.test_systemd import INSTANCES

    lines = (unpacked / "usr/lib/tmpfiles.d/mediview.conf").read_text().splitlines()
    folders = {line.split()[1] for line in lines if line.startswith("d ")}
    for names in INSTANCES.values():
        assert {f"/etc/mediview/secrets/{name}" for name in names} <= folders


@pytest.mark.parametrize("script", ["preinst", "postinst", "prerm", "postrm"])
def test_its_scripts_are_programs_without_an_unfilled_word(unpacked: Path, script: str) -> None:
    path = unpacked / "DEBIAN" / script
    assert path.stat().st_mode & 0o111
    assert re.findall(r"@\w+@", path.read_text()) == []
    subprocess.run(["bash", "-n", path], check=True)


def test_what_installs_and_the_command_read_settings_alike(unpacked: Path) -> None:
    for script in ("DEBIAN/postinst", "usr/bin/mediview"):
        sourced = re.findall(r"^\. (/\S+)$", (unpacked / script).read_text(), re.MULTILINE)
        assert "/usr/lib/mediview/settings.sh" in sourced
        assert [one for one in sourced if not (unpacked / one[1:]).is_file()] == []


# Lines as people write them, each with its value as load_env_file of systemd 257 reads it.
LINES = {
    "# MEDIVIEW_HTTP_PORT=1": None,
    ";MEDIVIEW_HTTP_PORT=1": None,
    "not a setting": None,
    "-X=1": None,
    "MEDIVIEW_AE_TITLE='EAST WING'": "EAST WING",
    'PIP_INDEX_URL="https://build:s3cr=t@packages.example/simple"  ': (
        "https://build:s3cr=t@packages.example/simple"
    ),
    "TORCH=cpu  ": "cpu",
    "  MODELS = no\t": "no",
    "UV_DEFAULT_INDEX=https://packages.example/simple\r": "https://packages.example/simple",
    'MEDIVIEW_S3_SECRET_ACCESS_KEY="a=b $HOME `id` *"': "a=b $HOME `id` *",
    r"MEDIVIEW_BROKER_URL=redis://:a\\b#c\'@redis": r"redis://:a\b#c'@redis",
    r'MEDIVIEW_S3_ACCESS_KEY_ID="a\b\"c\$d\\"': 'a\\b"c$d\\',
    r"MEDIVIEW_DEPARTMENT='it'\''s'": "it''s'",
    'MEDIVIEW_INSTITUTION="Müller" # not a comment': "Müller# not a comment",
    'MEDIVIEW_STATION=x"y"z': 'x"y"z',
    "MEDIVIEW_BACKUP_TO=": "",
    "MEDIVIEW_LOG_FORMAT=json": "text",
    "MEDIVIEW_TICK_S=2": "2",
}


def written_settings(folder: Path) -> Path:
    """Without an end of the last line."""
    path = folder / "awkward.env"
    path.write_bytes("\n".join(LINES).encode())
    return path


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_settings_are_read_as_systemd_reads_them(tmp_path: Path, shell: str) -> None:
    """What the environment has set already goes before."""
    path = written_settings(tmp_path)
    program = 'set -eu; . "$1"; export_settings "$2"; env --null'
    printed = subprocess.run(
        [shell, "-c", program, shell, DEBIAN / "settings.sh", path],
        env={"PATH": os.environ["PATH"], "MEDIVIEW_LOG_FORMAT": "text"},
        check=True,
        capture_output=True,
    ).stdout.decode()
    found = dict(one.split("=", 1) for one in printed.split("\0") if one)
    wanted = {key.split("=")[0].strip(): value for key, value in LINES.items() if value is not None}
    own = {"PATH", "PWD", "SHLVL", "_"}
    assert {key: value for key, value in found.items() if key not in own} == wanted


def test_the_command_has_the_settings_of_the_units(tmp_path: Path) -> None:
    (tmp_path / "mediview.env").write_text(
        "MEDIVIEW_AE_TITLE='EAST WING'\nMEDIVIEW_LOG_FORMAT=json\nMEDIVIEW_TICK_S=2"
    )
    program = tmp_path / "mediview"
    program.write_text('#!/bin/sh\nenv | grep ^MEDIVIEW_ | sort; echo "$@"\n')
    program.chmod(0o755)
    # As the user that it is for, without changing to it.
    text = (DEBIAN / "mediview.sh").read_text()
    text = text.replace("/etc/mediview/mediview.env", str(tmp_path / "mediview.env"))
    text = text.replace("/opt/mediview/bin/mediview", str(program))
    text = text.replace("/usr/lib/mediview", str(DEBIAN))
    script = tmp_path / "command"
    script.write_text(text.replace("$(id -u)", "1000").replace("$(id -un)", "mediview"))
    printed = subprocess.run(
        ["sh", script, "doctor", "--all the"],
        env={"PATH": os.environ["PATH"], "MEDIVIEW_LOG_FORMAT": "text"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert printed == [
        "MEDIVIEW_AE_TITLE=EAST WING",
        "MEDIVIEW_DATA_DIR=/var/lib/mediview",
        "MEDIVIEW_LOG_FORMAT=text",
        "MEDIVIEW_SECRETS_DIR=/etc/mediview/secrets",
        "MEDIVIEW_TICK_S=2",
        "doctor --all the",
    ]

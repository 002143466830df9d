"""A release's viewer as one file: the same bytes each time, and never another file's."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a viewer that was built, and an environment, which is this one."""
    tree = tmp_path / "a checkout"
    for folder in ("scripts", ".stamps", ".venv/bin", "viewer/out/study"):
        (tree / folder).mkdir(parents=True)
    for name in ("viewer-file.sh", "replace-folder.sh"):
        shutil.copy(ROOT / "scripts" / name, tree / "scripts")
    python = tree / ".venv" / "bin" / "python"
    # A link would be an environment without packages.
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tree / "viewer" / "out" / "index.html").write_text("<p>one</p>")
    (tree / "viewer" / "out" / "study" / "index.html").write_text("<p>study</p>")
    (tree / "viewer" / "out" / ".built").touch()
    return tree


def viewer_file(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(tree / "scripts" / "viewer-file.sh"), *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def packed(tree: Path) -> tuple[str, Path]:
    """Its SHA-256 and where it is."""
    answer = viewer_file(tree, "pack")
    assert answer.returncode == 0, answer.stderr
    digest, name = answer.stdout.split()
    return digest, tree / name


def test_what_was_packed_comes_out_elsewhere(checkout: Path, tmp_path: Path) -> None:
    digest, file = packed(checkout)
    moved = shutil.copy(file, tmp_path / "viewer.tar.gz")
    (checkout / "viewer" / "out" / "index.html").write_text("<p>another</p>")
    (checkout / "viewer" / "out" / "left over").touch()
    answer = viewer_file(checkout, "unpack", str(moved), digest)
    assert answer.returncode == 0, answer.stderr
    out = checkout / "viewer" / "out"
    assert (out / "index.html").read_text() == "<p>one</p>"
    assert (out / "study" / "index.html").is_file()
    assert not (out / "left over").exists()
    assert not (out / ".built").exists()


def test_the_same_build_is_the_same_file(checkout: Path) -> None:
    first, _ = packed(checkout)
    for path in (checkout / "viewer" / "out").rglob("*"):
        path.touch()
        path.chmod(0o700 if path.is_dir() else 0o600)  # of another's umask
    assert packed(checkout)[0] == first


def test_another_file_is_refused_and_the_viewer_stays(checkout: Path, tmp_path: Path) -> None:
    digest, file = packed(checkout)
    file.write_bytes(file.read_bytes() + b"x")
    answer = viewer_file(checkout, "unpack", str(file), digest)
    assert answer.returncode == 1
    assert f"and not {digest}. Nothing was unpacked." in answer.stderr
    assert (checkout / "viewer" / "out" / ".built").exists()


def test_a_file_without_its_hash_is_refused(checkout: Path) -> None:
    answer = viewer_file(checkout, "unpack", "viewer.tar.gz")
    assert answer.returncode == 2
    assert "VIEWER_SHA256" in answer.stderr


def test_what_is_no_viewer_is_refused(checkout: Path) -> None:
    (checkout / "viewer" / "out" / "index.html").unlink()
    digest, file = packed(checkout)
    answer = viewer_file(checkout, "unpack", str(file), digest)
    assert answer.returncode == 1
    assert "is not a built viewer" in answer.stderr
    assert (checkout / "viewer" / "out" / ".built").exists()

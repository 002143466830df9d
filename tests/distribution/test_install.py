"""Which build of PyTorch an installation takes on a machine without a GPU."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# In uv's place: writes down what it is asked for, and installs the folder's build as it lies there.
UV = """#!{python}
import pathlib, shutil, sys, sysconfig
words = sys.argv[1:]
site = pathlib.Path({site!r})
with open({log!r}, "a") as log:
    print(*words, file=log)
if words[:2] == ["pip", "uninstall"]:
    for name in words[3:]:
        shutil.rmtree(site / f"{{name}}-2.13.0+cpu.dist-info")
if words[:2] == ["pip", "install"]:
    if "--find-links" not in words:
        sys.exit("No route to host")
    wheels = pathlib.Path(words[words.index("--find-links") + 1])
    shutil.copytree(wheels / "unpacked", site, dirs_exist_ok=True)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Scripts and lock file, with an environment of Python whose uv is ours."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/install.sh", "uv.lock"):
        shutil.copy(ROOT / name, folder / name)
    venv.create(folder / ".venv", with_pip=False)
    (site,) = (folder / ".venv/lib").glob("python*/site-packages")
    uv = folder / ".venv/bin/uv"
    uv.write_text(UV.format(python=sys.executable, site=str(site), log=str(folder / "uv.log")))
    uv.chmod(0o755)
    return folder


def folder_of_wheels(folder: Path, library: bytes) -> Path:
    (folder / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    info = folder / "unpacked/torch-2.13.0+cpu.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cpu\n")
    (folder / "unpacked/torch/lib").mkdir(parents=True)
    (folder / "unpacked/torch/lib/libc10.so").write_bytes(library)
    return folder


def install(checkout: Path, wheels: Path) -> tuple[str, list[str]]:
    """What it prints, and what uv was asked for."""
    answer = subprocess.run(
        ["scripts/install.sh"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "TORCH": "cpu", "TORCH_WHEELS": str(wheels)},
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout, (checkout / "uv.log").read_text().splitlines()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="elsewhere PyPI's build has no CUDA")
def test_a_cpu_build_that_does_not_load_here_gives_way_to_another(
    checkout: Path, tmp_path: Path
) -> None:
    """It was linked with a C library newer than this Debian's."""
    printed, asked = install(checkout, folder_of_wheels(tmp_path, b"\x7fELF of elsewhere"))
    assert f"the CPU build of {tmp_path} does not load here: OSError" in printed
    assert "pip uninstall --quiet torch" in asked
    assert "PyPI's build is installed" in printed
    assert "--no-install-package torch" not in asked[-1]
    assert not list(checkout.glob(".venv/lib/python*/site-packages/torch-*"))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="elsewhere PyPI's build has no CUDA")
def test_a_cpu_build_that_loads_is_kept(checkout: Path, tmp_path: Path) -> None:
    import _ctypes

    library = Path(_ctypes.__file__).read_bytes()
    printed, asked = install(checkout, folder_of_wheels(tmp_path, library))
    assert f"the CPU build of {tmp_path}." in printed
    assert "--no-install-package torch" in asked[-1]
    asked.clear()
    (checkout / "uv.log").unlink()
    _, asked = install(checkout, tmp_path)
    assert not [one for one in asked if "--find-links" in one], "it is there already"

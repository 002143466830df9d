"""Every package of a node has a licence that lets a hospital use it and pass it on."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Weak copyleft (LGPL, MPL) is for the package itself: it is used unchanged and can be replaced.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "LGPL-2.1",
    "LGPL-3.0",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "LLVM-exception",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    # Of fonts: embedded in a document, they ask nothing of it.
    "OFL-1.1",
    "PSF-2.0",
    "Python-2.0",
    "WTFPL",
    "Zlib",
}
# What classifiers and people write instead of SPDX's words.
SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "DFSG approved": "MIT",
}
# Packages that state none in their metadata, or not in one word, and what their own files say.
BY_HAND = {
    # The others are those of the libraries in it: FreeType, ICU, libjpeg-turbo, libpng, libtiff, ….
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",
    "python-bidi": "LGPL-3.0",
    "rechoir": "MIT",
}
# Of PyTorch's CUDA build alone, under NVIDIA's own terms, which allow to use and pass them on.
OF_CUDA = ("nvidia-", "cuda-")


def licences_of(text: str) -> set[str]:
    """The licences that an expression names, of which one or all hold."""
    parts = (part.strip() for part in text.split(";"))
    words = " AND ".join(SPDX.get(part, part) for part in parts)
    return {word for word in re.split(r"\s+(?:AND|OR|WITH)\s+|[()]|,\s*", words) if word.strip()}


def locked_names() -> set[str]:
    """What `make run` installs on this machine."""
    exported = subprocess.run(
        [
            str(Path(sys.executable).with_name("uv")),
            *"export --quiet --frozen --no-dev --extra viewer".split(),
            *"--no-emit-project --no-hashes --no-annotate".split(),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    return {line.split("==")[0] for line in exported.splitlines() if "==" in line}


def test_no_python_package_forbids_what_a_hospital_does() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    locked = locked_names()
    installed = {
        re.sub(r"[-_.]+", "-", one["Name"]).lower(): one["License"] for one in json.loads(listed)
    }
    assert len(locked & installed.keys()) > 80
    unknown = {
        name: licence
        for name, licence in installed.items()
        if name in locked
        and not name.startswith(OF_CUDA)
        and not licences_of(BY_HAND.get(name, licence)) <= ALLOWED
    }
    assert unknown == {}


def test_no_package_of_the_viewer_forbids_what_a_hospital_does() -> None:
    lock = json.loads((ROOT / "viewer" / "package-lock.json").read_text())
    shipped = {
        (short := name.rpartition("node_modules/")[2]): str(
            package.get("license", BY_HAND.get(short, ""))
        )
        for name, package in lock["packages"].items()
        if name and not package.get("dev")
    }
    assert len(shipped) > 30
    unknown = {
        name: licence
        for name, licence in shipped.items()
        if not licences_of(licence) or not licences_of(licence) <= ALLOWED
    }
    assert unknown == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("MIT License; BSD License", {"MIT", "BSD-3-Clause"}),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", {"MPL-2.0", "Apache-2.0", "MIT"}),
        ("GNU General Public License v3 (GPLv3)", {"GNU General Public License v3 ", "GPLv3"}),
    ],
)
def test_what_an_expression_names(text: str, names: set[str]) -> None:
    assert {name.strip() for name in licences_of(text)} == {name.strip() for name in names}

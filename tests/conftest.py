"""What every test may lean on: the shared data, servers, and a summary of what was missing."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    # Tests import each other's helpers as tests.<module>, whatever starts pytest.
    sys.path.insert(0, str(ROOT))

from tests.shared import MISSING, SHARED, shared_folder  # noqa: E402 - needs the path above

pytest_plugins = [
    "tests.postgres",
    "tests.servers",
    "tests.e2e.support.fixtures",
    "tests.e2e.support.guarded",
]

# The suite's own variables; every other MEDIVIEW_ variable would change what is tested.
_OWN_VARIABLES = {
    "MEDIVIEW_SHARED",
    "MEDIVIEW_KEEP_SCREENSHOT",
    "MEDIVIEW_STEP_TIMES",
    "MEDIVIEW_LONG_TESTS",
    "MEDIVIEW_TEST_MAP",
    "MEDIVIEW_TEST_MODEL_SERVERS",
    "MEDIVIEW_TEST_MEDPLUM",
    "MEDIVIEW_TEST_GENERATED",
}

_ENDED = pytest.StashKey[int]()
"""How many tests have ended in this process since objects were last kept from collection."""
_KEPT_EVERY = 100


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("MEDIVIEW_")]:
        if name not in _OWN_VARIABLES:
            del os.environ[name]
    from storage.settings import Settings
    from tests.migrated import migrate_new_ones_once
    from tests.patience import be_patient, read_authorities_once
    from tests.printing import print_safely
    from tests.reactor import keep_answers
    from tests.statements import compile_once

    # An example's time says more about what else the machine does than about the code.
    hypothesis.settings.register_profile("mediview", deadline=None)
    hypothesis.settings.load_profile("mediview")
    be_patient()
    read_authorities_once()
    keep_answers()
    print_safely()
    migrate_new_ones_once()
    compile_once()
    # Nor may a developer's own .env reach the tests.
    Settings.model_config["env_file"] = None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marked before `-m slow` chooses."""
    if _is_repeated(item):
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever the random order: what is quick to fail comes before the slow end-to-end tests."""
    if not os.environ.get("MEDIVIEW_LONG_TESTS"):
        left_out = pytest.mark.skip(reason="slow: make slow")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(left_out)
    items.sort(key=lambda item: any(item.iter_markers("e2e")) + any(item.iter_markers("fault")))


def _is_repeated(item: pytest.Item) -> bool:
    """A second run on PostgreSQL and S3 of what stands on repositories that are tested on both.

    Searches and lists are not: their conditions meet in one statement only here.
    """
    folder, subject, *_ = item.path.relative_to(ROOT / "tests").parts
    settings = getattr(item, "callspec", None) and item.callspec.params.get("storage_settings")
    is_above = folder in ("api", "inference") and subject not in ("fhir", "studies")
    return settings == "postgresql+s3" and (
        is_above or item.get_closest_marker("slow_on_postgresql") is not None
    )


def pytest_collection_finish() -> None:
    """What was imported and collected stays; the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What tests import for the first time stays, too; whole collections are asked for by models
    that make room, and took seconds each at the end of a long run.

    Between two modules, when nothing of a test is left that would never be collected.
    """
    ended = item.config.stash.get(_ENDED, 0) + 1
    is_last = nextitem is None or nextitem.path != item.path
    if ended >= _KEPT_EVERY and is_last:
        gc.collect()
        gc.freeze()
        ended = 0
    item.config.stash[_ENDED] = ended


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real DICOM studies, `../shared/data` or `$MEDIVIEW_SHARED/data`."""
    return shared_folder("data")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of real model weights, `../shared/models` or `$MEDIVIEW_SHARED/models`."""
    return shared_folder("models")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the data that were missing, what else was left out, and the time of each step."""
    reasons = (report.longrepr for report in terminalreporter.stats.get("skipped", []))
    texts = [str(reason[2]) for reason in reasons if isinstance(reason, tuple)]
    others = Counter(text.removeprefix("Skipped: ") for text in texts if MISSING not in text)
    missing = sorted({text.split(MISSING, 1)[1] for text in texts if MISSING in text})
    write: Callable[[str], None] = terminalreporter.write_line
    if missing or not SHARED.is_dir():
        terminalreporter.section("data missing")
        for folder in missing or [str(SHARED)]:
            write(f"{folder}: the tests that read it were skipped")
        if not (SHARED / "data" / "mr_t1_head").is_dir():
            write("The whole way ran on the demo study instead of a patient's T1 head.")
    if others:
        terminalreporter.section("left out")
        for reason, count in sorted(others.items()):
            write(f"{count:>5}  {reason}")
    steps = os.environ.get("MEDIVIEW_STEP_TIMES", "").rstrip(";")
    if steps:
        terminalreporter.section("time of each step before the tests")
        for step in steps.split(";"):
            name, seconds = step.split("=")
            write(f"{seconds:>5} s  {name}")

"""Clients that generators make of the description (scripts/generated-clients.sh)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.access.closed import ClosedNode, closed_node, closed_settings

GENERATED = os.environ.get("MEDIVIEW_TEST_GENERATED", "")
pytestmark = pytest.mark.skipif(not GENERATED, reason="scripts/generated-clients.sh runs it")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    with closed_node(closed_settings(tmp_path_factory.mktemp("generated"))) as node:
        yield node


def run_example(closed: ClosedNode, name: str, *command: str | Path) -> str:
    key = closed.key(name, "integrator")
    path = {"PYTHONPATH": f"{GENERATED}/python", "PATH": os.environ["PATH"]}
    run = subprocess.run(
        [*command, closed.url, key], check=False, capture_output=True, text=True, env=path
    )
    return run.stdout + run.stderr


def test_a_generated_python_client_signs_in_and_orders(closed: ClosedNode) -> None:
    python = Path(GENERATED) / "venv" / "bin" / "python"
    story = Path(__file__).with_name("story.py")
    assert run_example(closed, "python", python, story) == "the story is complete\n"


def test_a_generated_typescript_client_signs_in_and_orders(closed: ClosedNode) -> None:
    story = Path(GENERATED) / "typescript" / "story.js"
    assert run_example(closed, "typescript", "node", story) == "the story is complete\n"

"""What a command loads before it can begin: every person who types one waits for that."""

import json
import subprocess
import sys

import pytest

from tests.patience import PATIENCE_S

# Each takes from a tenth of a second to several.
_HEAVY = "alembic boto3 celery fastapi highdicom httpx monai numpy pydicom pynetdicom scipy torch"


@pytest.mark.parametrize(
    "command",
    [
        "users",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("keys", "peers", "audit", "storage", "up")
        ),
    ],
)
def test_a_command_loads_neither_models_nor_servers_nor_dicom(command: str) -> None:
    asked = (
        "import json, sys; from api.cli.main import command_line;"
        f" command_line(['{command}']); import storage.container, storage.maintenance.upgrade;"
        f" print(json.dumps(sorted(set('{_HEAVY}'.split()) & set(sys.modules))))"
    )
    output = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, timeout=PATIENCE_S
    )
    assert json.loads(output.stdout) == []


def test_what_a_command_loaded_is_not_looked_through_again() -> None:
    asked = (
        "import gc; from api.cli.starting import start;"
        " from storage.processes import garbage_collection;"
        " garbage_collection.pause(); print(gc.isenabled(), gc.get_freeze_count() > 0);"
        " start(); print(gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    output = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, timeout=PATIENCE_S
    )
    assert output.stdout.split() == [b"False", b"False", b"True", b"True"]

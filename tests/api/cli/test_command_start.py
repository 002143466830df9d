"""What a command loads before it can begin: every person who types one waits for that."""

import json
import os
import subprocess
import sys

import pytest

from tests.patience import PATIENCE_S

# Each takes from a tenth of a second to several.
_HEAVY = "alembic boto3 celery fastapi highdicom httpx monai numpy pydicom pynetdicom scipy torch"

_THREADS = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}


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


def test_what_all_processes_share_holds_nothing_that_few_of_them_use() -> None:
    """`mediview up` imports it once for all that it forks, and each page that one of them writes to
    is there once more: of 35 MB of migrations, 18 of codes, 6 of a broker that is not used."""
    seldom = "alembic highdicom pyasn1_modules pydicom.sr redis scipy torch webauthn"
    asked = (
        "import json, sys; from importlib import import_module;"
        " from api.cli.processes.up import _IMPORTED;"
        " [import_module(name) for names in _IMPORTED.values() for name in names];"
        f" print(json.dumps(sorted(set('{seldom}'.split()) & set(sys.modules))))"
    )
    output = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, timeout=PATIENCE_S
    )
    assert json.loads(output.stdout) == []


def test_numpy_of_a_role_does_not_wait_for_threads_of_its_own() -> None:
    asked = (
        "import sys, api.cli.main; cli = sys.modules['api.cli.main'];"
        " cli.command_line = lambda _: lambda: None; cli.main();"
        " import numpy, threadpoolctl;"
        " print([one['num_threads'] for one in threadpoolctl.threadpool_info()"
        " if one['internal_api'] == 'openblas'])"
    )
    environment = {name: os.environ[name] for name in os.environ.keys() - _THREADS}
    output = subprocess.run(
        [sys.executable, "-c", asked],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
        env=environment,
    )
    assert json.loads(output.stdout) == [1]

"""Probes of the processes that do not speak HTTP, as a scheduler of containers runs them."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from api.probe import container_failure, main
from dicom_node.hl7.listener import listening
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.processes.signs_of_life import SignOfLife
from storage.settings import Settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port


def probe(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_a_receiver_that_serves_is_told_from_one_that_hangs_and_one_that_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path, dicom_port=free_port())
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            assert probe("port", settings.dicom_port) == 0
        finally:
            scp.shutdown(grace_s=1.0)
        with storage.engine.connect() as connection:
            audited = connection.execute(text("SELECT count(*) FROM audit_event")).scalar_one()
        assert audited == 0, "a probe asks for no association"
    assert "association" not in capsys.readouterr().out
    # As of a process that was stopped: the kernel accepts for it.
    with socket.create_server(("127.0.0.1", settings.dicom_port)):
        assert probe("port", settings.dicom_port, "--within", 0.3) == 1
    assert "serves none within 0.3 s" in capsys.readouterr().err
    assert probe("port", settings.dicom_port) == 1
    assert "Connection refused" in capsys.readouterr().err


def test_the_listener_of_hl7_is_probed_alike(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    upgrade(settings)

    async def probed() -> int:
        with open_storage(settings) as storage:
            async with listening(storage, settings, 0) as port:
                return await asyncio.to_thread(probe, "port", port)

    assert asyncio.run(probed()) == 0


def test_a_process_gives_signs_of_life_as_long_as_it_runs(tmp_path: Path) -> None:
    settings = Settings(signs_of_life_dir=tmp_path / "signs")
    SignOfLife(settings, "worker-jobs").keep_giving()
    sign = tmp_path / "signs/worker-jobs"
    until_s = time.monotonic() + PATIENCE_S
    while not sign.exists() and time.monotonic() < until_s:
        time.sleep(0.01)
    assert probe("sign", sign) == 0
    assert probe("sign", tmp_path / "signs/worker-gpu") == 1


def test_without_a_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sign = SignOfLife(Settings(), "beat")
    sign.give()
    sign.keep_giving()
    assert not list(tmp_path.iterdir())


def test_it_costs_little_for_it_loads_nothing_of_the_node() -> None:
    loaded = "import sys; import api.probe; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", loaded], check=True, capture_output=True, text=True
    )
    packages = {name.split(".")[0] for name in answer.stdout.split()}
    assert not packages & {"typer", "pydantic", "structlog", "sqlalchemy", "storage", "dicom_node"}


def test_a_port_that_nobody_listens_on_is_refused_at_once() -> None:
    begun_s = time.monotonic()
    assert probe("port", free_port()) == 1
    assert time.monotonic() - begun_s < 1


def test_a_container_is_asked_for_the_role_that_it_runs(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "MEDIVIEW_SIGNS_OF_LIFE_DIR": str(tmp_path),
        "MEDIVIEW_DICOM_PORT": str(port),
        "MEDIVIEW_HTTP_PORT": str(free_port()),
        "MEDIVIEW_HL7_PORT": "",
    }
    python = ("/opt/mediview/.venv/bin/python3", "/opt/mediview/.venv/bin/mediview")
    ended = container_failure((*python, "migrate", "--grants"), environment)
    assert not ended, "a command that ends by itself has an exit status"
    assert "sign of life" in container_failure((*python, "beat"), environment)
    (tmp_path / "beat").touch()
    (tmp_path / "worker-jobs").touch()
    # Behind the small init process of `docker run --init`, too.
    init = ("/dev/init", "--", *python)
    assert not container_failure((*init, "beat"), environment)
    assert not container_failure((*init, "worker"), environment)
    assert not container_failure((*python, "worker", "--queue=jobs"), environment)
    assert "worker-control" in container_failure(
        (*python, "worker", "--queue", "control"), environment
    )
    assert f"Port {port} " in container_failure((*python, "scp"), environment)
    with socket.create_server(("127.0.0.1", port)) as server:
        threading.Thread(target=_hang_up, args=(server,), daemon=True).start()
        assert not container_failure((*python, "scp"), environment)
    for role in ("up", "api"):
        assert "over HTTP" in container_failure((*python, role), environment)


def _hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.close()

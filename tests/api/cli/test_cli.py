"""The command line as a person types it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from api.cli.main import command_line
from dicom_node.server.scp import Scp, start_scp
from storage.container import open_storage
from storage.settings import load_settings
from tests import builders
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.ready_processes import PROGRAM, ReadyPopen, run
from tests.services import free_port


def test_a_command_that_is_named_is_the_one_that_is_loaded() -> None:
    every = get_command(command_line([]))
    assert isinstance(every, TyperGroup)
    for name in every.commands:
        alone = get_command(command_line([name]))
        assert isinstance(alone, TyperGroup)
        assert list(alone.commands) == [name]
    unknown = get_command(command_line(["unknown"]))
    assert isinstance(unknown, TyperGroup)
    assert list(unknown.commands) == list(every.commands)


def environment(folder: Path, **settings: object) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MEDIVIEW_")},
        "MEDIVIEW_DATA_DIR": str(folder / "data"),
        "COLUMNS": "200",
        "NO_COLOR": "1",
        **{f"MEDIVIEW_{name.upper()}": str(value) for name, value in settings.items()},
    }


def mediview(folder: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return run(
        [PROGRAM, *arguments],
        check=False,
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[Scp]:
    settings = load_settings(data_dir=tmp_path / "scp", dicom_port=0, free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        running = start_scp(storage)
        try:
            yield running
        finally:
            running.shutdown()


class TestUp:
    def test_a_taken_port_is_named_with_its_setting(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for setting, other in (("dicom_port", "http_port"), ("http_port", "dicom_port")):
                output = mediview(tmp_path, "up", **{setting: port, other: free_port()})
                assert output.returncode == 1
                assert f"Port {port} on 127.0.0.1" in output.stderr
                assert f"MEDIVIEW_{setting.upper()}" in output.stderr

    @pytest.mark.parametrize(
        ("setting", "remedy"),
        [
            ("dicom_host", "MEDIVIEW_TRUSTED_NETWORK=true"),
            ("http_host", "MEDIVIEW_AUTH=required"),
        ],
    )
    def test_it_does_not_listen_to_the_world_unasked(
        self, tmp_path: Path, setting: str, remedy: str
    ) -> None:
        output = mediview(tmp_path, "up", **{setting: "0.0.0.0"})
        assert output.returncode == 1
        assert remedy in output.stderr
        assert "Traceback" not in output.stderr

    def test_a_wrong_setting_is_explained(self, tmp_path: Path) -> None:
        output = mediview(tmp_path, "up", destinations="nonsense")
        assert output.returncode == 2
        assert "destinations" in output.stderr
        assert "pacs=ORTHANC@127.0.0.1:4242" in output.stderr
        assert "Traceback" not in output.stderr

    def test_it_stands_up_restarts_what_dies_and_ends_cleanly(self, tmp_path: Path) -> None:
        ports = {"dicom_port": free_port(), "http_port": free_port()}
        log = tmp_path / "up.log"
        with log.open("wb") as output:
            node = subprocess.Popen(
                [PROGRAM, "up"],
                cwd=tmp_path,
                env=environment(tmp_path, **ports),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(lambda: "MediViewAI is ready." in log.read_text(), log)
            banner = log.read_text()
            assert f"MEDIVIEW at 127.0.0.1:{ports['dicom_port']}" in banner
            assert f"http://127.0.0.1:{ports['http_port']}" in banner
            again = mediview(tmp_path, "up", dicom_port=free_port(), http_port=free_port())
            assert f"process {node.pid}" in again.stderr
            os.kill(child(node.pid, "mediview api"), signal.SIGKILL)
            wait_for(lambda: "api was ended by SIGKILL" in log.read_text(), log)
            wait_for(lambda: answers(ports["http_port"]), log)
            begin = time.monotonic()
            node.send_signal(signal.SIGINT)
            assert node.wait(PATIENCE_S) == 0, log.read_text()
            assert time.monotonic() - begin < 15
            assert "Traceback" not in log.read_text()
        finally:
            if node.poll() is None:
                node.terminate()
                node.wait(PATIENCE_S)


class TestSend:
    def test_a_folder_is_sent_and_what_is_not_dicom_is_told(self, tmp_path: Path, scp: Scp) -> None:
        series = builders.series(np.ones((5, 8, 8), np.int16))
        folder = tmp_path / "disc"
        builders.write(series, folder / "deep" / "deeper")
        (folder / "notes.txt").write_text("not DICOM")
        os.mkfifo(folder / "pipe")
        output = mediview(tmp_path, "send", str(folder), "--to", f"MEDIVIEW@127.0.0.1:{scp.port}")
        assert output.returncode == 0, output.stderr
        assert "Sent 5 of 5 instances" in output.stdout
        assert "notes.txt: It is not a DICOM file." in output.stderr
        assert "pipe: It is not a file." in output.stderr
        assert scp.storage.index.study(series[0].StudyInstanceUID).instance_count == 5

    def test_what_the_peer_refuses_is_counted_with_the_reason(
        self, tmp_path: Path, scp: Scp
    ) -> None:
        series = builders.series(np.ones((3, 8, 8), np.int16))
        series[1].StudyInstanceUID = ""
        folder = tmp_path / "disc"
        builders.write(series, folder)
        output = mediview(tmp_path, "send", str(folder), "--to", f"MEDIVIEW@127.0.0.1:{scp.port}")
        assert output.returncode == 1
        assert "Sent 2 of 3 instances" in output.stdout
        assert "0001.dcm" in output.stderr

    def test_a_peer_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        builders.write(builders.series(np.ones((1, 8, 8), np.int16)), tmp_path / "disc")
        port = free_port()
        output = mediview(tmp_path, "send", "disc", "--to", f"PACS@127.0.0.1:{port}")
        assert output.returncode == 1
        assert f"PACS@127.0.0.1:{port}" in output.stderr

    def test_an_address_that_is_none_says_how_to_write_it(self, tmp_path: Path) -> None:
        output = mediview(tmp_path, "send", ".", "--to", "somewhere")
        assert output.returncode == 1
        assert "AETITLE@host:port" in output.stderr

    def test_a_dicomdir_is_not_an_instance(self, tmp_path: Path, shared_data: Path) -> None:
        folder = tmp_path / "disc"
        folder.mkdir()
        source = next((shared_data / "dicomdir").rglob("DICOMDIR"))
        shutil.copy(source, folder / "DICOMDIR")
        output = mediview(tmp_path, "send", str(folder), "--to", f"PACS@127.0.0.1:{free_port()}")
        assert "DICOMDIR" in output.stderr
        assert "There is no DICOM instance" in output.stderr


class TestDoctor:
    @pytest.mark.slow
    def test_a_node_that_is_not_running_is_diagnosed(self, tmp_path: Path) -> None:
        pacs = free_port()
        output = mediview(
            tmp_path,
            "doctor",
            dicom_port=free_port(),
            http_port=free_port(),
            destinations=f"pacs=ORTHANC@127.0.0.1:{pacs}",
        )
        assert output.returncode == 1
        lines = {
            line[6:28].strip(): line for line in output.stdout.splitlines() if line[:4].strip()
        }
        assert lines["python"].startswith("ok")
        assert lines["data folder"].startswith("ok")
        assert lines["database"].startswith("fail")
        assert "mediview migrate" in output.stdout
        for part in ("DICOM", "HTTP", "workers", "to pacs"):
            assert lines[part].startswith("fail"), part
        assert lines["brain-volume"].startswith("ok")
        assert lines["image-classification"].startswith("note")
        assert "Traceback" not in output.stdout + output.stderr

    @pytest.mark.slow
    def test_a_password_is_not_shown(self, tmp_path: Path) -> None:
        url = f"postgresql://user:sesame@127.0.0.1:{free_port()}/db"
        output = mediview(tmp_path, "doctor", database_url=url)
        assert "sesame" not in output.stdout + output.stderr


def test_the_demo_without_a_node_says_how_to_start_one(tmp_path: Path) -> None:
    output = mediview(tmp_path, "demo", dicom_port=free_port())
    assert output.returncode == 1
    assert "mediview up" in output.stderr


@pytest.mark.slow  # `make test` begins with the same command, for the types of the viewer
def test_the_description_is_valid_json(tmp_path: Path) -> None:
    described = json.loads(mediview(tmp_path, "openapi").stdout)
    assert described["openapi"].startswith("3.")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments",
    [("openapi", "--output", "missing/openapi.json"), ("audit", "export", "missing/audit.json")],
)
def test_a_path_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    upgrade(load_settings(data_dir=tmp_path / "data"))
    answer = mediview(tmp_path, *arguments)
    assert answer.returncode == 1
    assert f"error: {arguments[-1]} cannot be used: No such file or directory." in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("option", "word", "allowed"),
    [
        ("--may", "move", "Use commit, query, reject, retrieve, store or worklist."),
        ("--gets", "PNG", "Use SEG, LABELMAP, SR, KOS, GSPS, SC, STACK, PDF, RTSTRUCT, CAD, PM or"),
    ],
)
def test_a_word_that_no_peer_may_have_is_named_with_those_it_may(
    tmp_path: Path, option: str, word: str, allowed: str
) -> None:
    upgrade(load_settings(data_dir=tmp_path / "data"))
    answer = mediview(tmp_path, "peers", "add", "pacs", "PACS@127.0.0.1:104", option, word)
    assert answer.returncode == 1
    assert f"cannot contain '{word}'" in answer.stderr
    assert allowed in answer.stderr


def test_the_api_alone_ends_by_sigterm_as_asked(tmp_path: Path) -> None:
    port = free_port()
    upgrade(load_settings(data_dir=tmp_path / "data"))
    log = tmp_path / "api.log"
    with log.open("wb") as output:
        process = ReadyPopen(
            [PROGRAM, "api"],
            cwd=tmp_path,
            env=environment(tmp_path, http_port=port),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: answers(port), log)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, log.read_text()
        assert "http_stopped" in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_an_api_before_its_migration_says_what_to_do(tmp_path: Path) -> None:
    output = mediview(tmp_path, "api", http_port=free_port())
    assert output.returncode != 0
    assert "mediview migrate" in output.stderr
    assert "Traceback" not in output.stderr


def test_migrating_twice_is_harmless(tmp_path: Path) -> None:
    for _ in range(2):
        output = mediview(tmp_path, "migrate")
        assert output.returncode == 0, output.stderr


def wait_for(look: "object", log: Path, limit_s: float = PATIENCE_S) -> None:
    assert callable(look)
    deadline = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def child(parent: int, command: str) -> int:
    """The process id of a child by a part of its command line."""
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if command in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
            return int(pid)
    raise LookupError(command)

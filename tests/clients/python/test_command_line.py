"""A person at another machine works with the node by its command line."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import command_line
from mediview_client.cli import main
from tests.clients.python.node import ClosedNode
from tests.services import free_port

Said = Callable[..., str]


@pytest.fixture
def signed_in(
    closed: ClosedNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Said:
    """What a command prints, after `login`."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("NODE_URL", "NODE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{closed.key}\n"))
    assert main(["login", closed.url]) == 0
    assert closed.key not in capsys.readouterr().out

    def printed(*words: str, status: int = 0) -> str:
        assert main(words) == status
        captured = capsys.readouterr()
        # The node of these tests runs in the same process, and writes its log.
        printed = re.sub(r"^\d{4}-\d\d-\d\d \d\d:.*\n", "", captured.out, flags=re.M)
        return printed if status == 0 else printed + captured.err

    return printed


def as_json(expected: Said, *words: str) -> Any:
    return json.loads(expected(*words, "--json"))


def test_the_key_is_kept_where_nobody_else_reads_it(signed_in: Said, tmp_path: Path) -> None:
    saved = tmp_path / "mediview" / "login.json"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert saved.parent.stat().st_mode & 0o777 == 0o700
    saved.chmod(0o644)
    assert f"chmod 600 {saved}" in signed_in("jobs", "list", status=1)
    saved.chmod(0o600)
    signed_in("logout")
    assert not saved.exists()
    assert "mediview login" in signed_in("jobs", "list", status=1)


def test_a_study_is_followed_from_list_to_findings(
    signed_in: Said, study_instance_uid: str
) -> None:
    assert study_instance_uid in signed_in("studies", "list", "modality=MR", "--limit", "500")
    found = as_json(signed_in, "studies", "list", "modality=MR", "--limit", "500")
    assert study_instance_uid in {one["study_instance_uid"] for one in found}
    assert as_json(signed_in, "studies", "list", "modality=XC") == []
    assert "results" in signed_in("studies", "wait", study_instance_uid)
    (job,) = as_json(signed_in, "jobs", "list", f"study_instance_uid={study_instance_uid}")
    assert job["state"] == "completed"
    findings = as_json(signed_in, "findings", "list", study_instance_uid)
    assert findings[0]["finding_id"] in signed_in("findings", "list", study_instance_uid)
    events = as_json(signed_in, "events", "list", "--type", "job", "--limit", "500")
    assert job["job_id"] in {one["job_id"] for one in events}
    assert "deepbet" in {one["name"] for one in as_json(signed_in, "models", "list")}
    assert "brain-volume" in signed_in("models", "show", "deepbet")
    assert json.loads(signed_in("rules", "show"))["version"] == 1
    said = as_json(signed_in, "rules", "explain", study_instance_uid)
    assert "brain-volume" in {one["pipeline"] for one in said}


def test_many_jobs_are_answered_one_by_one(signed_in: Said, study_instance_uid: str) -> None:
    (job,) = as_json(signed_in, "jobs", "list", f"study_instance_uid={study_instance_uid}")
    output = signed_in("jobs", "retry", job["job_id"], "none", status=1)
    assert f"{job['job_id']}  refused: The job is completed" in output
    assert "none  refused: There is no job under that identifier." in output


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["studies", "show", "1.2.3"], 1, "The node holds no study 1.2.3."),
        (["studies", "list", "modalty=MR"], 1, "modality"),
        (["studies", "list", "MR"], 2, "Write NAME=VALUE"),
        (["reports", "pdf", "none", "/nowhere/report.pdf"], 1, "error: "),
        (["worklist", "add", "/nowhere.json"], 1, "/nowhere.json: No such file or directory."),
        (["login", "example.org"], 2, "Write it with https://"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    signed_in: Said, words: list[str], status: int, sentence: str
) -> None:
    output = signed_in(*words, status=status)
    assert sentence in output
    assert "Traceback" not in output


def test_a_node_that_does_not_answer_or_refuses_the_key_is_not_remembered(
    closed: ClosedNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for url, sentence in (
        (f"http://127.0.0.1:{free_port()}", "The node does not answer"),
        (closed.url, "error: "),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO("mvk_0123456789ab_wrong\n"))
        assert main(["login", url]) == 1
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "mediview").exists()


def test_the_nodes_own_command_speaks_to_other_nodes_too(
    closed: ClosedNode, study_instance_uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_URL", closed.url)
    monkeypatch.setenv("NODE_KEY", closed.key)
    for words in (["studies", "list", "--json"], ["jobs", "list", "--json"]):
        answer = CliRunner().invoke(command_line(words), words)
        assert study_instance_uid in answer.stdout
    shown = CliRunner().invoke(command_line(["webhooks", "--help"]), ["webhooks", "--help"])
    assert "usage: mediview webhooks" in shown.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    if shell == "bash":
        asked = "COMP_WORDS=(mediview-client jobs re); COMP_CWORD=2; _mediview_client;"
        completed = subprocess.run(
            ["bash", "-c", f'{script}\n{asked} echo "${{COMPREPLY[@]}}"'],
            capture_output=True,
            text=True,
            check=True,
        )
        assert completed.stdout.split() == ["retry"]
    elif found := shutil.which(shell):
        subprocess.run([found, "-n"], input=script, text=True, check=True)
    assert "webhooks" in script


def test_an_option_is_not_guessed_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["jobs", "retry", "--forc", "JOB"])
    assert ended.value.code == 2
    assert "--forc" in capsys.readouterr().err

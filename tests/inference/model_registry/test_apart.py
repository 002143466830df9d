"""A model that runs apart leaves no process behind, and what it answers is not executed."""

import os
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.defacing.face_finding import FaceMasks
from inference.model_registry.apart import alone_on_host, run_apart
from inference.model_registry.apart_answer import read_answer
from inference.refusals import ModelUnusable
from storage.core.errors import NotFound, TooManyRequests
from storage.settings import Settings
from tests.storage.processes.test_contained import living


def leaves(folder: str, end: str) -> str:
    """As a program of a model may: away from its session and from its parent."""
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        # What is shown of it by `ps` has the folder, by which the test finds it.
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", folder])
    os.wait()
    while not living(Path(folder)):
        time.sleep(0.02)
    if end == "crash":
        os._exit(3)
    if end == "loop":
        time.sleep(60)
    return "found"


def masks(key: str) -> FaceMasks:
    return FaceMasks(found_by=key, shape=(2, 3), planes={(key, 1): b"\0"})


def refuses(message: str) -> None:
    raise NotFound(message, remedy="Look elsewhere.")


def fails() -> None:
    raise KeyError("Doe^Jane")


@pytest.mark.parametrize("end", ["return", "crash", "loop"])
def test_what_a_model_starts_ends_with_its_trial(tmp_path: Path, end: str) -> None:
    settings = Settings(data_dir=tmp_path)
    mark = str(tmp_path / "left-behind")

    def run() -> str:
        limit_s = 5.0 if end == "loop" else 60.0
        return run_apart(settings, "The trial of x", "mediview", limit_s, leaves, mark, end)

    if end == "return":
        assert run() == "found"
    else:
        with pytest.raises(ModelUnusable, match="longer than 5 s" if end == "loop" else "ended"):
            run()
    assert living(Path(mark)) == []
    assert not list(tmp_path.glob("model-apart-*"))


def test_values_and_the_nodes_own_errors_travel(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert run_apart(settings, "It", "mediview", 60, masks, "1.2") == masks("1.2")
    with pytest.raises(NotFound, match=r"1\.2 is not here") as found:
        run_apart(settings, "It", "mediview", 60, refuses, "1.2 is not here")
    assert found.value.remedy == "Look elsewhere."
    with pytest.raises(ModelUnusable, match=r"It failed: An unexpected KeyError") as failed:
        run_apart(settings, "It", "mediview", 60, fails)
    # Messages of libraries may carry values of the data set.
    assert "Doe" not in str(failed.value)


@dataclass
class Foreign:
    """Of a package that is not the node's."""


class _Executes:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.path),)


def test_what_a_model_writes_as_its_answer_is_not_executed(tmp_path: Path) -> None:
    target = tmp_path / "made"
    for answer in (
        ("value", _Executes(target)),
        ("error", _Executes(target)),
        ("value", Foreign()),
    ):
        path = tmp_path / "answer"
        path.write_bytes(pickle.dumps(answer))
        with pytest.raises(ModelUnusable, match="cannot be read"):
            read_answer(path, "The trial of x")
    assert not target.exists()


def test_one_runs_at_a_time(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with alone_on_host(settings, "It"), pytest.raises(TooManyRequests):
        run_apart(settings, "It", "mediview", 60, masks, "1.2")


def takes_memory(in_a_child: bool) -> None:
    if in_a_child and os.fork():
        os.wait()
        return
    taken = []
    while True:
        taken.append(b"\1" * (64 << 20))
        time.sleep(0.05)


@pytest.mark.parametrize("in_a_child", [False, True])
def test_a_model_takes_no_more_memory_apart_than_a_job_may(
    tmp_path: Path, in_a_child: bool
) -> None:
    settings = Settings(data_dir=tmp_path, job_memory_bytes=1 << 30)
    with pytest.raises(
        ModelUnusable, match="The self-test of x took more than 1024 MiB"
    ) as refused:
        run_apart(settings, "The self-test of x", "mediview", 60.0, takes_memory, in_a_child)
    assert "MEDIVIEW_JOB_MEMORY_BYTES" in refused.value.remedy

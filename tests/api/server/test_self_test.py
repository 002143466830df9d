"""The self-test finds a part that does not work, whatever way it fails."""

import sys
from pathlib import Path

import numpy as np
import pytest

from inference.self_test import run
from inference.self_test.decoders import check_decoders, encoded_samples, expected_pixels
from inference.self_test.failure import ComponentFailed
from storage.container import Storage
from storage.core.clock import utcnow
from storage.processes.components import Component


def a_broken_package(folder: Path, name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of that name that is found before the installed one."""
    (folder / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{':'.join(sys.path)}")


@pytest.mark.slow
def test_every_part_of_this_machine_works() -> None:
    components = run.run_self_test()
    assert [one for one in components if not one.ok] == []
    assert [one.name for one in components] == list(run.CHECKS)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        # What a bare machine said: the package is there, a library of the system is not.
        (
            "raise ImportError('libxcb.so.1: cannot open shared object file')",
            "ImportError: libxcb.so.1: cannot open shared object file",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "Its test was ended by SIGSEGV.",
        ),
        ("import os; os._exit(7)", "Its test ended with status 7."),
    ],
)
def test_a_part_that_fails_in_any_way_is_named(
    code: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_broken_package(tmp_path, "tokenizers", code, monkeypatch)
    (failed,) = run.run_self_test(["embedding"])
    assert (failed.name, failed.detail) == ("embedding", sentence)
    assert "make run" in failed.remedy


def test_a_decoder_that_gives_other_values_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    other = np.roll(expected_pixels(), 1, axis=0)
    monkeypatch.setattr("inference.self_test.decoders.expected_pixels", lambda: other)
    with pytest.raises(ComponentFailed, match=r"JPEG 2000.*values differ by up to"):
        check_decoders()
    assert len(encoded_samples()) == 7


def test_health_hears_of_a_part_that_failed_until_it_works_again(storage: Storage) -> None:
    works = Component("PyTorch", True, "PyTorch on the CPU")
    broken = Component("OCR", False, "ImportError: libxcb.so.1", "Install the node again.")
    storage.components.record("node-1", [works, broken], utcnow())
    storage.components.record("node-2", [works], utcnow())
    assert storage.components.failed() == [("node-1", broken)]
    storage.components.record("node-1", [works, Component("OCR", True, "reads")], utcnow())
    assert storage.components.failed() == []

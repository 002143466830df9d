"""An archive that answers a person's question with far too much, or not at all."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.priors import elsewhere
from inference.priors.elsewhere import Elsewhere, look_elsewhere
from storage.core.callers.shares import on_behalf_of
from tests.dicom_node.imports.test_faulty_archives import serving
from tests.inference.priors.archives import arrives, as_web_archive, node
from tests.inference.small import study_uid

JSON = "application/dicom+json"
STUDY = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00100020": {"vr": "LO", "Value": ["P"]}}
MANY = json.dumps([STUDY] * 30_000).encode()[: 2 * 1024 * 1024]
DENSE = json.dumps([{}] * 250_000).encode()


@pytest.mark.parametrize(
    ("body", "why"), [(MANY + b" " * 1000, "more than 2097152 bytes"), (DENSE, "answered too much")]
)
def test_more_than_a_patient_can_have_is_not_read(tmp_path: Path, body: bytes, why: str) -> None:
    with (
        serving(lambda _: (JSON, body, len(body))) as url,
        node(tmp_path, as_web_archive(url), stow_hosts=("127.0.0.1",)) as storage,
    ):
        arrives(storage)
        found = look_elsewhere(storage, study_uid("now"))
    assert found.studies == []
    assert why in found.failures["web"]


def test_archives_that_do_not_answer_keep_few_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "_WAIT_S", 0.1)
    asked, answering = threading.Semaphore(0), threading.Event()

    def answer(_: str) -> tuple[str, bytes, int]:
        asked.release()
        answering.wait(30)
        return JSON, b"[]", 2

    with (
        serving(answer) as url,
        node(tmp_path, as_web_archive(url), stow_hosts=("127.0.0.1",)) as storage,
        ThreadPoolExecutor(4) as people,
    ):
        arrives(storage)

        def look(person: str) -> Elsewhere:
            with on_behalf_of(person):
                return look_elsewhere(storage, study_uid("now"))

        slow = [people.submit(look, "account:ada") for _ in range(2)]
        for _ in slow:
            assert asked.acquire(timeout=30)
        # One person asks two at a time, and leaves the others to others.
        assert "2 of yours" in look("account:ada").failures["web"]
        slow += [people.submit(look, "account:ben") for _ in range(2)]
        for _ in range(2):
            assert asked.acquire(timeout=30)
        fifth = look("account:eve")
        answering.set()
        assert "4 questions to archives are under way" in fifth.failures["web"]
        assert all(not one.result().failures for one in slow)
        assert not look_elsewhere(storage, study_uid("now")).failures

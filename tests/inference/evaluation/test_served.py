"""Models of outside servers, evaluated: what a server answers takes no more than a job may."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.evaluation.named import EvaluationAnswer, evaluate_apart, evaluate_named
from inference.model_registry.adding import add_model
from inference.model_trial.trying import try_at_machine
from inference.models.model_cache import WARM
from inference.pipelines.catalogue import pipeline_named
from inference.process_memory import peak_memory_bytes, reset_peak_memory
from inference.refusals import ModelUnusable
from storage.audit.query import AuditFilter, all_events
from storage.container import Storage
from storage.settings import load_settings
from tests import builders
from tests.inference.films import film, image_card, part10, write_card
from tests.inference.model_servers.servers import Asked, Exchange, infers, serving
from tests.inference.orchestration import receive, storage_in
from tests.inference.small import study_uid

NAME, EDGE = "model-served", 1024
LIMIT_BYTES = 1024 * 1024 * 1024
GIVEN = {"name": "x", "shape": [1, 1, EDGE, EDGE]}
SCORES = {"name": "y", "shape": [-1, 2]}
PLANES = {"name": "y", "shape": [-1, 2, EDGE, EDGE]}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    WARM.forget_all()
    with storage_in(tmp_path) as storage:
        yield storage


class Server:
    """Honest, until a test wants otherwise."""

    def __init__(self, output: dict[str, Any], compute: Any) -> None:
        tensors = {
            "inputs": [{**GIVEN, "datatype": "FP32"}],
            "outputs": [{**output, "datatype": "FP32"}],
        }
        stated = {"name": "bright", "versions": ["1"], "platform": "none", **tensors}
        self._honest = infers(compute, stated, binary=False)
        self.body: bytes | None = None
        self.status = 200
        self.failures = 0

    def __call__(self, exchange: Exchange, asked: Asked) -> None:
        if self.body is not None and asked.method == "POST":
            self.failures += 1
            exchange.answer(self.status, self.body)
        else:
            self._honest(exchange, asked)


def labels(values: NDArray[Any]) -> NDArray[Any]:
    bright = 10.0 * values.mean(axis=(1, 2, 3)) - 1.0
    return np.stack([np.zeros_like(bright), bright], axis=1)


def planes(values: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([-values, values - 0.5], axis=1)


def added(storage: Storage, url: str, folder: Path, kind: str, output: Any, **of: Any) -> Storage:
    served = {"server": "triton", "model": "bright", "input": GIVEN, "output": output}
    image = {"channels": 1, "resize": {"size": [EDGE, EDGE]}}
    card = image_card(kind, name="Served", image=image)
    write_card(folder, {**card, "served": served})
    settings = load_settings(
        data_dir=storage.settings.data_dir,
        free_disk_mark_bytes=0,
        model_servers=f"triton={url}",
        **of,
    )
    node = dataclasses.replace(storage, settings=settings)
    add_model(settings, node.model_states, node.shadow_runs, folder, "petra")
    WARM.forget_all()
    return node


def written(cases: Path, *names: str) -> None:
    for name in names:
        (cases / name).mkdir(parents=True)
        builders.write([film(name)], cases / name)


@pytest.mark.slow
def test_millions_of_empty_lists_end_the_evaluation_and_not_who_asked_for_it(
    storage: Storage, tmp_path: Path
) -> None:
    server = Server(PLANES, planes)
    cases = tmp_path / "cases"
    written(cases, "a")
    (cases / "masks.csv").write_text(f"image,label,mask\n{film('a').SOPInstanceUID},,\n")
    receive(storage, [part10(film("here"))])
    seen: list[str] = []
    with serving(server) as running:
        node = added(
            storage,
            running.url,
            tmp_path / "m",
            "image-segmentation",
            PLANES,
            job_memory_bytes=LIMIT_BYTES,
        )
        pipeline = pipeline_named(node.settings, NAME)
        honest = evaluate_apart(node.settings, pipeline, cases, seen.append)
        assert honest.read_summary()["failures"] == []
        assert seen == ["a"]
        # 60 MB, which is less than the values of the card take as text, and 1.3 GB of lists.
        lists = b"[]," * 20_000_000
        server.body = (
            b'{"outputs":[{"name":"y","datatype":"FP32","shape":[1,2,1024,1024],"data":['
            + lists[:-1]
            + b"]}]}"
        )
        reset_peak_memory()
        before = peak_memory_bytes()
        for asked in (
            lambda: evaluate_apart(node.settings, pipeline, cases, seen.append),
            lambda: try_at_machine(node.settings, "served", "1.0", study_uid("here")),
        ):
            with pytest.raises(ModelUnusable, match="took more than 1024 MiB of memory"):
                asked()
        assert peak_memory_bytes() - before < LIMIT_BYTES // 4
    assert not list(node.settings.data_dir.glob("model-apart-*"))


def test_a_case_takes_no_longer_than_a_job_may(storage: Storage, tmp_path: Path) -> None:
    server = Server(SCORES, labels)
    cases = tmp_path / "cases"
    written(cases, "a")
    (cases / "reference.csv").write_text("case,Bright part\na,1\n")

    def slow(exchange: Exchange, asked: Asked) -> None:
        if server.status != 200 and asked.method == "POST":
            time.sleep(20.0)
        server(exchange, asked)

    with serving(slow) as running:
        node = added(
            storage,
            running.url,
            tmp_path / "m",
            "image-classification",
            SCORES,
            job_deadline_s=8.0,
        )
        server.status = 500
        begun = time.monotonic()
        with pytest.raises(ModelUnusable, match="took longer than 8 s") as refusal:
            evaluate_apart(
                node.settings, pipeline_named(node.settings, NAME), cases, lambda _: None
            )
        assert time.monotonic() - begun < 18.0
        assert "MEDIVIEW_JOB_DEADLINE_S" in refusal.value.remedy


def test_a_server_that_fails_is_left_alone_for_the_other_cases_and_the_audit_trail_has_each_study(
    storage: Storage, tmp_path: Path
) -> None:
    server = Server(SCORES, labels)
    cases = tmp_path / "cases"
    written(cases, "a", "b", "c", "d")
    (cases / "reference.csv").write_text("case,Bright part\na,1\nb,0\nc,1\nd,0\n")

    def evaluated(node: Storage, fails_from: str) -> EvaluationAnswer:
        def on_case(case: str) -> None:
            if case == fails_from:
                server.body, server.status = b"", 500

        return evaluate_named(on_case, node.settings, NAME, "1.0", cases)

    with serving(server) as running:
        node = added(
            storage,
            running.url,
            tmp_path / "m",
            "image-classification",
            SCORES,
            model_server_failures=1,
        )
        summary = evaluated(node, "b").read_summary()
        (failing, *left_alone) = summary["failures"]
        assert (failing["case"], len(left_alone)) == ("b", 2)
        assert "answered HTTP 500" in failing["reason"]
        assert all("left alone for a while" in one["reason"] for one in left_alone)
        assert server.failures == 1
    node.audit.flush()
    exported = [
        one
        for one in all_events(node.engine, AuditFilter())
        if one.detail.get("via") == "model server"
    ]
    assert {uid for one in exported for uid in one.study_instance_uids} == {
        study_uid("a"),
        study_uid("b"),
    }

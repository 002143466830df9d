"""What a FHIR server answers to a transaction: taken for a success only where it is one."""

from pathlib import Path
from typing import Any

import pytest

from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from tests.inference.deliveries.destinations.fhir_node import deliver, state_of, writing
from tests.inference.deliveries.destinations.fhir_server import Fault, outcome
from tests.inference.deliveries.destinations.nodes import with_results


def _page(handler: Any, apply: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "14")
    handler.end_headers()
    handler.wfile.write(b"<p>Sign in</p>")


def _answering(content: Any) -> Fault:
    return lambda handler, apply: handler.answer(200, content)


_FAILED = {"response": {"status": "409 Quernhammer"}}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_page, "success without FHIR"),
        (_answering(outcome("Quernhammer")), "an OperationOutcome (processing)"),
        (
            _answering({"resourceType": "Bundle", "type": "batch-response"}),
            "other than a transaction-resp",
        ),
        (_answering({"resourceType": "Bundle", "type": "transaction-response"}), "0 instead of"),
        (lambda handler, apply: handler.answer(200, {**apply()[1], "entry": 5}), "0 instead of"),
        (
            lambda handler, apply: handler.answer(
                200, {**(answer := apply()[1]), "entry": [_FAILED, *answer["entry"][1:]]}
            ),
            "answered 409 to the transaction",
        ),
    ],
)
def test_a_success_that_is_none_is_tried_again(tmp_path: Path, fault: Fault, words: str) -> None:
    with writing(tmp_path) as (server, storage):
        server.faults = [fault]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert (state, words in error) == ("PENDING", True), error
        assert "Quernhammer" not in error
        assert deliver(storage) == 1


def test_a_refusal_shows_codes_and_paths_and_no_text(tmp_path: Path) -> None:
    texts = {"diagnostics": "x" * 292 + " Quernhammer, born 2 January 1950, ID Q 4711"}
    issue = {
        "severity": "error",
        "code": "value",
        "details": {"text": "Adalbert"},
        "expression": ["Bundle.entry[0].resource.status", "Patient.Quernhammer", "Patient[4711]"],
        **texts,
    }
    answer = {"resourceType": "OperationOutcome", "issue": [issue, {**issue, "code": "Adalbert"}]}
    with writing(tmp_path) as (server, storage):
        server.faults = [lambda handler, apply: handler.answer(422, answer)]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((_, error),) = state_of(storage)
        shown = "answered HTTP 422: value at Bundle.entry[0].resource.status."
        assert error == f"{server.url} {shown}"

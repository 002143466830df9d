"""A model server that is busy or keeps failing: asked later, named, and left alone meanwhile."""

import threading
import time

from api.server.checks.model_servers import check_model_servers
from inference.language.answer import Answer
from inference.model_servers.gate import failing, guarded, sentence_of
from inference.worker.language_jobs import answer_job
from storage.audit.query import AuditFilter, all_events
from storage.container import Storage
from tests.inference.films import film, part10
from tests.inference.language.conftest import RIGHT
from tests.inference.language.served import plain, summary, with_server
from tests.inference.model_servers.servers import Asked, Exchange, says, serving
from tests.inference.orchestration import receive
from tests.inference.small import study_uid


def test_a_busy_server_is_asked_once_more_when_it_says(shared: Storage) -> None:
    calm = says(RIGHT)

    def busy(exchange: Exchange, asked: Asked) -> None:
        if len(server.asked) == 1:
            exchange.answer(503, b"", Retry_After="0")
        else:
            calm(exchange, asked)

    with serving(busy) as server:
        assert summary(with_server(shared, server.url)).text == RIGHT
    assert len(server.asked) == 2
    with serving(plain(503, b"", Retry_After="0")) as server:
        assert summary(with_server(shared, server.url)).method == "extractive"
    assert len(server.asked) == 2


def test_a_server_that_keeps_failing_is_left_alone_and_named(storage: Storage) -> None:
    with serving(plain(500, b"")) as server:
        node = with_server(storage, server.url, model_server_failures=2)
        with guarded(node):
            notes = [summary(node).notes[0] for _ in range(4)]
        assert len(server.asked) == 2
        assert "left alone for a while" in notes[-1]
        (open_now,) = failing(node.settings, node.circuit_breakers)
        sentence = sentence_of(open_now)
        assert check_model_servers(node.settings, node.circuit_breakers).detail == sentence
        assert "The model server llm failed 2 times in a row" in sentence
        assert "answered HTTP 500" in sentence
        after = f"after {open_now.open_until:%H:%M:%S} UTC;"
        assert f"A job tries it now, or the next one does {after}" in sentence
        # A person who tries it calls it all the same.
        summary(node)
        assert len(server.asked) == 3


def test_a_model_that_is_not_there_leaves_the_others_of_its_server_at_work(
    storage: Storage,
) -> None:
    calm = says(RIGHT)

    def one_model(exchange: Exchange, asked: Asked) -> None:
        if asked.method == "POST" and asked.json["model"] != "served-7b":
            exchange.answer(404, b"{}")
        else:
            calm(exchange, asked)

    with serving(one_model) as server:
        node = with_server(storage, server.url, model_server_failures=2)
        long_name = f"meta/{'long' * 20}:8b"
        wrong = with_server(
            storage, server.url, model_server_failures=2, hf_summ_model=f"server:llm/{long_name}"
        )
        with guarded(node):
            notes = [summary(wrong).notes[0] for _ in range(3)]
            assert summary(node).method == "model"
        assert f"{long_name} on The model server llm failed several times" in notes[-1]
        (left_alone,) = failing(node.settings, node.circuit_breakers)
        assert len(left_alone.destination) <= 80
        assert "The model meta/longlong" in sentence_of(left_alone)
        assert "of the model server llm failed 2 times in a row" in sentence_of(left_alone)
        assert [one.json["model"] for one in server.asked] == [long_name] * 2 + ["served-7b"]


def test_when_its_time_has_come_one_call_tries_it_again(storage: Storage) -> None:
    calm = says(RIGHT)

    def mended(exchange: Exchange, asked: Asked) -> None:
        if len(server.asked) == 1:
            exchange.answer(500, b"")
        else:
            calm(exchange, asked)

    with serving(mended) as server:
        node = with_server(
            storage, server.url, model_server_failures=1, model_server_retry_base_s=0.01
        )
        with guarded(node):
            assert summary(node).method == "extractive"
            time.sleep(0.05)
            assert summary(node).method == "model"
    assert failing(node.settings, node.circuit_breakers) == []
    assert node.circuit_breakers.all() == []


def test_no_more_requests_at_a_time_than_the_site_says(storage: Storage) -> None:
    calm = says(RIGHT)

    def slow(exchange: Exchange, asked: Asked) -> None:
        time.sleep(0.1)
        calm(exchange, asked)

    with serving(slow) as server:
        node = with_server(storage, server.url, model_server_at_once=2)

        def ask() -> None:
            with guarded(node):
                answers.append(summary(node))

        answers: list[Answer] = []
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert [one.method for one in answers] == ["model"] * 6
    assert server.most_at_once <= 2


def test_a_question_whose_server_is_away_is_answered_with_the_reason_at_once(
    storage: Storage,
) -> None:
    receive(storage, [part10(film("asked"))])
    with serving(plain(500, b"")) as server:
        node = with_server(storage, server.url)
        job = node.answers.ask(
            "vqa",
            {"study_instance_uid": study_uid("asked"), "question": "What is it?"},
            version="1",
            study_instance_uid=study_uid("asked"),
        )
        ended = answer_job(node, job.job_id, "worker", lambda: False)
    assert ended is not None
    assert ended.state == "CANCELED"
    assert "The model server llm answered HTTP 500" in ended.reason
    error = node.answers.get(job.job_id).error
    assert error is not None
    assert error["code"] == "model_server_failed"
    node.audit.flush()
    events = all_events(node.engine, AuditFilter())
    exported = [one for one in events if one.detail.get("via") == "model server"]
    assert [(one.code, one.detail["destination"]) for one in exported] == [("110106", "llm")]
    assert exported[0].study_instance_uids == (study_uid("asked"),)

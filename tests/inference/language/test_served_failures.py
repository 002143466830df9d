"""A model server that is away, slow, endless or wrong: the tasks go on without it."""

import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from api.server.model_server_checks import check_model_servers
from inference.language.answer import Answer, Progress
from inference.language.run import answer_job
from inference.language.summarize import summarize
from inference.model_servers.gate import failing, guarded, sentence_of
from storage.audit.query import AuditFilter, all_events
from storage.container import Storage
from tests.inference.films import film, part10
from tests.inference.language.conftest import RIGHT
from tests.inference.language.served import REPORT, closed_port, plain, summary, with_server
from tests.inference.model_servers.servers import Asked, Exchange, says, serving
from tests.inference.orchestration import receive
from tests.inference.small import study_uid


def test_a_server_that_is_away_leaves_the_texts_own_words(shared: Storage) -> None:
    answer = summary(with_server(shared, closed_port()))
    assert (answer.method, answer.text) == ("extractive", "Left hydropneumothorax.")
    assert answer.model == ""
    assert answer.notes[0].startswith(
        "The model could not be used: The model server llm cannot be reached: Connection refused."
    )


def silent(exchange: Exchange, asked: Asked) -> None:
    time.sleep(1.5)


def dripping(exchange: Exchange, asked: Asked) -> None:
    """A byte of a header now and then: no single wait is ever too long."""
    exchange.close_connection = True
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(80):
        exchange.wfile.write(b"x")
        exchange.wfile.flush()
        time.sleep(0.05)


def one_event(text: str) -> Callable[[Exchange, Asked], None]:
    def behave(exchange: Exchange, asked: Asked) -> None:
        exchange.begin_events()
        exchange.event(text)

    return behave


def endless_line(exchange: Exchange, asked: Asked) -> None:
    exchange.begin_events()
    for _ in range(64):
        exchange.wfile.write(b"x" * 65_536)


BROKEN: dict[str, tuple[Any, str]] = {
    "silent": (silent, "sent nothing for 0.4 s"),
    "dripping headers": (dripping, "took longer than 1 s"),
    "an internal error": (plain(500, b"{}"), "answered HTTP 500"),
    "another path": (plain(404, b"{}"), "has no such model"),
    "a wrong key": (plain(401, b"{}"), "its key is missing or not accepted"),
    "too long a text": (plain(400, REPORT.encode()), "declined the input (HTTP 400)"),
    "a page for people": (plain(200, b"<html>", "text/html"), "answered text/html instead"),
    "no JSON": (one_event("{'single': quotes}"), "answered what is no JSON"),
    "deep JSON": (one_event("[" * 100_000), "answered what is no JSON"),
    "other JSON": (plain(200, b'{"answer": 42}'), "JSON that is no chat completion"),
    "a list": (plain(200, b"[1, 2]"), "JSON that is no object"),
    "an error in the stream": (one_event('{"error": "Quernhammer"}'), "reported an error"),
    "an endless line": (endless_line, "an event of more than"),
    "a huge body": (plain(200, b" " * (5 << 20)), "more than 4194304 bytes"),
    "a gzip bomb": (
        plain(200, zlib.compress(b" " * (8 << 20)), Content_Encoding="deflate"),
        "compresses its answers",
    ),
    "nothing": (lambda exchange, asked: exchange.begin_events(), "ended its answer before"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_server_costs_one_answer_its_time_and_nothing_else(
    shared: Storage, kind: str
) -> None:
    behaviour, says_why = BROKEN[kind]
    with serving(behaviour) as server:
        node = with_server(shared, server.url, model_server_answer_s=0.4, model_server_total_s=1)
        answer = summary(node)
    assert (answer.method, answer.text) == ("extractive", "Left hydropneumothorax.")
    assert says_why in answer.notes[0]
    assert "Quernhammer" not in " ".join(answer.notes)


def test_a_redirect_leads_nowhere(shared: Storage) -> None:
    with serving(says(RIGHT)) as other:
        led = plain(307, b"", Location=f"{other.url}/v1/chat/completions")
        with serving(led) as server:
            answer = summary(with_server(shared, server.url))
    assert "HTTP 307; redirects are not followed" in answer.notes[0]
    assert other.asked == []


def test_an_endless_answer_is_cut_where_it_loops_and_the_server_is_left(shared: Storage) -> None:
    gone = threading.Event()

    def endless(exchange: Exchange, asked: Asked) -> None:
        exchange.begin_events()
        try:
            while True:
                for word in f"{RIGHT} ".split(" "):
                    exchange.piece(f"{word} ")
        except OSError:
            gone.set()
            raise

    with serving(endless) as server:
        answer = summary(with_server(shared, server.url))
        assert gone.wait(20), "the connection is closed"
    assert answer.text == RIGHT
    assert any("repeated itself" in note for note in answer.notes)


def test_more_words_than_were_asked_for_are_cut(shared: Storage) -> None:
    many = " ".join(f"{RIGHT} Word {number}." for number in range(100))
    with serving(says(many)) as server:
        answer = summary(with_server(shared, server.url, language_max_new_tokens=40))
    assert answer.text == RIGHT
    assert answer.tokens <= 41
    assert "The model did not come to an end; its text was cut." in answer.notes


def test_what_came_before_the_server_broke_off_is_shown(shared: Storage) -> None:
    def half(exchange: Exchange, asked: Asked) -> None:
        exchange.begin_events()
        for word in f"{RIGHT} The heart is of".split(" "):
            exchange.piece(f"{word} ")

    with serving(half) as server:
        answer = summary(with_server(shared, server.url))
    assert (answer.method, answer.text) == ("model", RIGHT)
    assert answer.withheld[-1].text == "The heart is of"
    assert "The model server broke off in the middle; its text was cut." in answer.notes


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
        (open_now,) = failing(node)
        sentence = sentence_of(open_now)
        assert check_model_servers(node).detail == sentence
        assert "The model server llm failed 2 times in a row" in sentence
        assert "answered HTTP 500" in sentence
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
        (left_alone,) = failing(node)
        assert len(left_alone.destination) <= 80
        assert "The model meta/longlong" in sentence_of(left_alone)
        assert "of the model server llm failed 2 times in a row" in sentence_of(left_alone)
        assert [one.json["model"] for one in server.asked] == [long_name] * 2 + ["served-7b"]


def test_a_deadline_that_the_node_sets_is_no_fault_of_the_server(storage: Storage) -> None:
    with serving(silent) as server:
        node = with_server(storage, server.url, model_server_failures=1, language_deadline_s=0.2)
        with guarded(node):
            answers = [summary(node) for _ in range(2)]
    assert len(server.asked) == 2
    assert "was not ready within the 0.2 s of this answer" in answers[-1].notes[0]
    assert node.breakers.all() == []


def test_what_came_before_the_deadline_is_shown(shared: Storage) -> None:
    def slow(exchange: Exchange, asked: Asked) -> None:
        exchange.begin_events()
        for word in f"{RIGHT} The".split(" "):
            exchange.piece(f"{word} ")
        silent(exchange, asked)

    with serving(slow) as server:
        answer = summary(with_server(shared, server.url, language_deadline_s=0.7))
    assert answer.text == RIGHT
    assert "The model took too long; its text was cut." in answer.notes


def test_comments_that_keep_a_connection_open_do_not_keep_an_answer_from_stopping(
    shared: Storage,
) -> None:
    gone = threading.Event()

    def busy(exchange: Exchange, asked: Asked) -> None:
        exchange.begin_events()
        try:
            for _ in range(200):
                exchange.wfile.write(b": still in the queue\n\n")
                exchange.wfile.flush()
                time.sleep(0.05)
        except OSError:
            gone.set()

    asked = iter([False, False, True])
    with serving(busy) as server:
        node = with_server(shared, server.url)
        progress = Progress(stopping=lambda: next(asked, True))
        answer = summarize(node, {"text": REPORT, "report_ids": [], "max_sentences": 5}, progress)
        assert gone.wait(5), "the connection is closed"
    assert "The answer was stopped." in answer.notes


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
    assert failing(node) == []
    assert node.breakers.all() == []


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


def test_a_stopped_answer_ends_the_request(shared: Storage) -> None:
    stops = iter([False, True])
    with serving(says(f"{RIGHT} " * 50)) as server:
        node = with_server(shared, server.url)
        progress = Progress(stopping=lambda: next(stops, True))
        answer = summarize(node, {"text": REPORT, "report_ids": [], "max_sentences": 5}, progress)
    assert "The answer was stopped." in answer.notes


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

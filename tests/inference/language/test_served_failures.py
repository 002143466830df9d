"""A model server that is away, slow, endless or wrong: the tasks go on without it."""

import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from inference.language.answer import Progress
from inference.language.summarize import summarize
from inference.model_servers.gate import guarded
from storage.container import Storage
from tests.inference.language.conftest import RIGHT
from tests.inference.language.served import REPORT, closed_port, plain, summary, with_server
from tests.inference.model_servers.servers import Asked, Exchange, says, serving


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
    "silent": (silent, "sent nothing more for 0.4 s, or no whole header"),
    "dripping headers": (dripping, "no whole header in that time"),
    "an internal error": (plain(500, b"{}"), "answered HTTP 500"),
    "another path": (plain(404, b"{}"), "has no such model"),
    "a wrong key": (plain(401, b"{}"), "its key is missing or not accepted"),
    "too long a text": (plain(400, REPORT.encode()), "declined the input (HTTP 400)"),
    "a page for people": (plain(200, b"<html>", "text/html"), "answered text/html instead"),
    "no JSON": (one_event("{'single': quotes}"), "answered what is not JSON"),
    "deep JSON": (one_event("[" * 100_000), "answered what is not JSON"),
    "other JSON": (plain(200, b'{"answer": 42}'), "JSON that is not a chat completion"),
    "a list": (plain(200, b"[1, 2]"), "JSON that is not an object"),
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


def test_a_deadline_that_the_node_sets_is_no_fault_of_the_server(storage: Storage) -> None:
    with serving(silent) as server:
        node = with_server(storage, server.url, model_server_failures=1, language_deadline_s=0.2)
        with guarded(node):
            answers = [summary(node) for _ in range(2)]
    assert len(server.asked) == 2
    assert "was not ready within the 0.2 s of this answer" in answers[-1].notes[0]
    assert node.circuit_breakers.all() == []


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


def test_a_stopped_answer_ends_the_request(shared: Storage) -> None:
    stops = iter([False, True])
    with serving(says(f"{RIGHT} " * 50)) as server:
        node = with_server(shared, server.url)
        progress = Progress(stopping=lambda: next(stops, True))
        answer = summarize(node, {"text": REPORT, "report_ids": [], "max_sentences": 5}, progress)
    assert "The answer was stopped." in answer.notes

"""How much one may ask, from where, and for how long."""

import asyncio
import os
import re
import signal
import socket
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Array, Barrier, get_context
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.limits.limiter import Limit, RateLimiter
from api.middleware import RequestTimeout
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.api.access.closed import closed_node, closed_settings
from tests.api.client import is_problem
from tests.api.server.test_processes import serving, wait_for
from tests.patience import PATIENCE_S
from tests.services import free_port


def test_strangers_may_ask_so_often_and_those_signed_in_more(tmp_path: Path) -> None:
    settings = closed_settings(
        tmp_path, rate_limit_anonymous_per_minute=30, rate_limit_per_minute=120
    )
    with closed_node(settings) as closed, closed.client() as stranger:
        started = time.monotonic()
        answers = until_refused(stranger, "/api/session")
        # Five at once, and one more each two seconds.
        assert 5 <= len(answers) - 1 <= 6 + (time.monotonic() - started) / 2
        is_problem(answers[-1], 429, "too_many_requests")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3
        # Guessing at keys is asking without being signed in.
        wrong = {"Authorization": "Bearer mvk_0123456789ab_guess"}
        started = time.monotonic()
        answers = until_refused(stranger, "/api/jobs", wrong)
        # That counts apart: five at once, and one more each two seconds.
        assert 5 <= len(answers) - 1 <= 6 + (time.monotonic() - started) / 2
        # The pages themselves stay there.
        assert stranger.get("/icon.svg").status_code in (200, 404)
        time.sleep(2.5)
        with closed.with_key("ris", "integrator") as ris:
            answers = until_refused(ris, "/api/pipelines")
            assert len(answers) > 20
            # Two each second, ten seconds' worth of them at once.
            assert answers[0].headers["ratelimit-policy"] == '"requests";q=20;w=10'
            assert answers[0].headers["ratelimit"] == '"requests";r=19;t=1'
            assert answers[-1].headers["ratelimit"].startswith('"requests";r=0;t=')
            assert int(answers[-1].headers["retry-after"]) == 1


def until_refused(
    client: httpx.Client, path: str, headers: dict[str, str] | None = None
) -> list[httpx.Response]:
    """Answers to the same question, up to the first that says too many requests."""
    answers = [client.get(path, headers=headers)]
    while answers[-1].status_code != 429:
        answers.append(client.get(path, headers=headers))
    return answers


def test_a_bucket_fills_again_and_a_flood_of_others_finds_room() -> None:
    limiter = RateLimiter(600)
    assert all(limiter.take("a") == 0 for _ in range(100))
    assert 0 < limiter.take("a") <= 0.1
    time.sleep(limiter.wait_of("a") + 0.01)
    assert limiter.take("a") == 0
    assert all(limiter.take(str(number)) == 0 for number in range(40_000))
    assert RateLimiter(0).take("a") == 0


def test_processes_count_together_and_one_that_dies_holds_nothing_up() -> None:
    limiter = RateLimiter(600)
    taken = Array("q", 2)
    begun = Barrier(3)

    def take(number: int) -> None:
        begun.wait(PATIENCE_S)
        # Against the clock of a fresh token each 0.1 s: what they got in all is bounded by it.
        while limiter.wait_of("a") == 0:
            taken[number] += limiter.take("a") == 0

    fork = get_context("fork")
    workers = [fork.Process(target=take, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    started = time.monotonic()
    begun.wait(PATIENCE_S)
    for worker in workers:
        worker.join(PATIENCE_S)
        assert worker.exitcode == 0
    assert 100 <= sum(taken) <= 101 + (time.monotonic() - started) * 10

    def hold_and_die() -> None:
        with limiter._held(limiter._place_of("b")[1]):
            os.kill(os.getpid(), signal.SIGKILL)

    victim = fork.Process(target=hold_and_die)
    victim.start()
    victim.join(PATIENCE_S)
    assert victim.exitcode == -signal.SIGKILL
    assert limiter.take("b") == 0


def test_the_limit_holds_over_all_processes_of_a_node(tmp_path: Path) -> None:
    limits = {"auth": "required", "rate_limit_anonymous_per_minute": 60}
    with serving(tmp_path, 2, limits) as served:

        def ask(_: int) -> int:
            return served.ask("/api/session").status_code

        def both_have_answered() -> bool:
            with ThreadPoolExecutor(8) as pool:
                statuses.update(pool.map(ask, range(60)))
            return {"1", "2"} == set(re.findall(r"process=(\d+).*route=/api/session", served.text))

        statuses: Counter[int] = Counter()
        started = time.monotonic()
        wait_for(both_have_answered, "answer of the second process", served)
        passed_s = time.monotonic() - started
        assert set(statuses) == {200, 429}
        # Ten at once, and one more a second; each process for itself would let through twice that.
        assert 10 <= statuses[200] <= 11 + passed_s


def test_the_limit_holds_over_hosts_that_share_a_redis(redis_url: str) -> None:
    """Each host by itself would let all of these through; nothing but Redis is common to them."""
    anyone = str(uuid.uuid4())

    async def passed(per_minute: int, hosts: int, each: int) -> tuple[int, float]:
        limits = [Limit(per_minute, redis_url, f"test-{per_minute}") for _ in range(hosts)]
        started = time.monotonic()
        waits = [await one.take(anyone) for _ in range(each) for one in limits]
        assert await limits[0].take("somebody else") == 0
        assert max(waits) > 0
        return waits.count(0), time.monotonic() - started

    for per_minute, batch in ((600, 1), (60_000, 50)):
        in_ten_seconds = per_minute // 6
        count, took_s = anyio.run(passed, per_minute, 4, in_ten_seconds // 2)
        windows = 1 + took_s // 10
        assert in_ten_seconds <= count <= windows * in_ten_seconds + 4 * batch


def test_a_redis_that_is_away_stops_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    async def tried() -> list[float]:
        limit = Limit(600, f"redis://127.0.0.1:{free_port()}/0", "test")
        return [await limit.take("a") for _ in range(110)]

    waits = anyio.run(tried)
    assert 100 <= waits.count(0) < 110, "each host counts for itself"
    assert capfd.readouterr().out.count("limits_counted_by_host") == 1


def test_metrics_are_for_integrators_unless_a_setting_opens_them(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path, metrics_public=True)
    with closed_node(settings) as closed, closed.client() as prometheus:
        assert "mediview_http_requests" in prometheus.get("/metrics").text
        assert prometheus.get("/api/jobs").status_code == 401


def test_a_request_that_nothing_happens_to_ends() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(30)

    async def stalled(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def begun(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b""})

    pieces = iter([0.1, 0.1, 0.1, 0.1, 30.0])

    async def trickle() -> Message:
        await asyncio.sleep(next(pieces))
        return {"type": "http.request", "body": b"x", "more_body": True}

    def status(app: ASGIApp) -> int:
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        timeout = RequestTimeout(app, load_settings())
        timeout.seconds = 0.2
        asyncio.run(timeout({"type": "http", "headers": []}, trickle, keep))
        return int(sent[0]["status"])

    assert RequestTimeout(slow, load_settings(analyze_timeout_s=900)).seconds == 930
    assert status(slow) == 504
    assert status(begun) == 200
    started = time.monotonic()
    assert status(stalled) == 504
    # A body that keeps arriving may last longer than the limit.
    assert 0.5 < time.monotonic() - started < 5


def test_http_beyond_loopback_needs_sign_in_and_nothing_else_will_do() -> None:
    load_settings(http_host="127.0.0.1").check_http_binding()
    load_settings(http_host="0.0.0.0", auth="required").check_http_binding()
    for settings in (
        load_settings(http_host="0.0.0.0"),
        load_settings(http_host="10.0.0.7", trusted_network=True),
        load_settings(http_host="::"),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            settings.check_http_binding()
        assert "MEDIVIEW_AUTH=required" in refusal.value.remedy
        assert "mediview users add" in refusal.value.remedy


@pytest.mark.parametrize(
    "wrong",
    [
        {"trusted_proxies": "not-a-network"},
        {"oidc_issuer": "http://idp.example.org"},
        {"oidc_issuer": "https://idp.example.org"},
        {"oidc_role_map": "Radiology"},
        {"oidc_role_map": "Radiology=king"},
        {"auth": "maybe"},
        {"password_min_length": 4},
    ],
)
def test_a_setting_that_would_leave_a_gap_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        load_settings(**wrong)


def test_a_web_socket_is_let_in_as_a_request_is(tmp_path: Path) -> None:
    """Spoken by hand: the handshake is what counts."""
    settings = closed_settings(tmp_path)
    with closed_node(settings) as closed, closed.signed_in("ada", "viewer") as ada:
        cookie = f"mediview={ada.cookies['mediview']}"
        port = settings.http_port

        def status(**headers: str) -> int:
            with socket.create_connection(("127.0.0.1", port)) as wire:
                lines = [
                    "GET /ws/nothing HTTP/1.1",
                    f"Host: 127.0.0.1:{port}",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
                ]
                wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
                return int(wire.recv(65536).split()[1])

        foreign = "https://evil.example"
        assert status(Cookie=cookie, Origin=foreign) == 403
        assert status(Origin=foreign) == 403

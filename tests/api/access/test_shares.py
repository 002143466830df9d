"""One person asks for all that a node can do at a time, and somebody else works on beside."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_websocket

from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.client import is_problem, part10
from tests.builders import series
from tests.patience import PATIENCE_S

PER_ADDRESS = 64
REQUESTS, STREAMS = PER_ADDRESS // 2, PER_ADDRESS // 4
WAIT_S = 8.0
"""How long the tasks of one wait for a decoder, and may compute."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    settings = closed_settings(
        tmp_path_factory.mktemp("shared"),
        connections_per_address=PER_ADDRESS,
        decoder_timeout_s=WAIT_S,
    )
    with closed_node(settings) as running:
        yield running


@pytest.mark.slow
def test_a_thumbnail_does_not_wait_for_what_somebody_else_has_rendered(node: ClosedNode) -> None:
    (image,) = series(np.arange(512 * 512, dtype=np.uint16).reshape(1, 512, 512))
    assert node.storage.ingest.accept(part10(image), "test").outcome == "stored"
    study = f"/dicom-web/studies/{image.StudyInstanceUID}"
    with (
        node.signed_in("greedy", "viewer") as greedy,
        node.signed_in("patient", "viewer") as patient,
        ThreadPoolExecutor(REQUESTS) as many,
    ):
        # The processes that draw start with the first requests.
        for answer in many.map(
            lambda url: greedy.get(url, timeout=PATIENCE_S), [f"{study}/thumbnail"] * 2
        ):
            assert answer.status_code == 200

        def render(number: int) -> httpx.Response:
            return greedy.get(
                f"{study}/rendered?viewport=8192,8192&window={number + 1},100",
                headers={"Accept": "image/png"},
                timeout=60,
            )

        rendered = [many.submit(render, number) for number in range(REQUESTS - 2)]
        for path in (f"{study}/thumbnail", "/api/v1/studies", "/livez") * 3:
            answer = patient.get(path, timeout=PATIENCE_S)
            assert answer.status_code == 200, answer.text
            assert not all(one.done() for one in rendered), path
        refused = [one.result() for one in rendered if one.result().status_code != 200]
    problems = [is_problem(answer, 503, "storage_unavailable") for answer in refused]
    assert any("requests of yours wait for one" in one["detail"] for one in problems)
    assert all(answer.headers["retry-after"] for answer in refused)


def test_one_person_takes_a_part_of_the_connections_of_an_address(node: ClosedNode) -> None:
    with (
        node.signed_in("open", "viewer") as greedy,
        node.signed_in("ward", "viewer") as patient,
        ExitStack() as streams,
    ):
        greedy.timeout = httpx.Timeout(PATIENCE_S)
        for _ in range(STREAMS):
            answer = streams.enter_context(greedy.stream("GET", "/api/v1/events"))
            assert answer.status_code == 200
        one_more = greedy.get("/api/v1/events")
        assert f"You have {STREAMS} streams of events open" in one_more.text
        is_problem(one_more, 429, "too_many_requests")
        assert one_more.headers["retry-after"]
        # All else goes on, for both.
        assert greedy.get("/api/v1/studies").status_code == 200
        with patient.stream("GET", "/api/v1/events") as answer:
            assert answer.status_code == 200
        assert patient.get("/livez").status_code == 200
    # Those that ended count no more.
    with node.client(cookies=greedy.cookies, timeout=PATIENCE_S) as again:
        for _ in range(100):
            with again.stream("GET", "/api/v1/events") as answer:
                if answer.status_code == 200:
                    break
        assert answer.status_code == 200


def test_web_sockets_are_streams_as_well(node: ClosedNode) -> None:
    key = {"Authorization": f"Bearer {node.key('subscriber', 'integrator')}"}
    address = node.url.replace("http://", "ws://") + "/dicom-web/subscribers/WATCHER"
    with ExitStack() as sockets:
        for _ in range(STREAMS):
            sockets.enter_context(open_websocket(address, additional_headers=key))
        with pytest.raises(InvalidStatus) as refused:
            open_websocket(address, additional_headers=key)
        assert refused.value.response.status_code == 403

"""Results go to an archive by STOW-RS, and are proven there."""

from pathlib import Path
from typing import Any

import pytest

from inference.deliveries.destinations import probe_peer
from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from tests.inference.deliveries.destinations.nodes import (
    answering,
    archive,
    deliveries,
    host_of,
    node,
    stow,
    with_results,
)
from tests.services import free_port


def test_an_archive_gets_the_results_by_stow_and_proves_it_by_qido(tmp_path: Path) -> None:
    with (
        archive(tmp_path) as (server, url),
        node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
    ):
        results = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
        for instance in results:
            theirs = server.instance_file(instance.sop_instance_uid)
            assert theirs is not None
            assert theirs[-2000:] == storage.instances.read(instance)[-2000:]
        tested = probe_peer(storage, storage.peers.get("archive"))
        assert tested.ok
        assert tested.sentence == f"{url} answers QIDO-RS."


def test_an_archive_that_wants_a_token_gets_it_and_nobody_else_sees_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        seen.append(headers["X-Key"])
        return 200, []

    with answering(answer) as url:
        peer = stow(url, token_header="X-Key", token="very-secret")
        with node(tmp_path, peer, stow_hosts=host_of(url)) as storage:
            assert probe_peer(storage, storage.peers.get("archive")).ok
            assert seen == ["very-secret"]
            assert "very-secret" not in repr(storage.peers.all())
    output = capfd.readouterr()
    assert "very-secret" not in output.out + output.err


def test_an_archive_that_is_away_delays_the_delivery(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/dicom-web"
    with node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage:
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert {one.state for one in deliveries(storage)} == {"PENDING"}
        assert all(
            "cannot be reached: Connection refused" in one.last_error for one in deliveries(storage)
        )
        tested = probe_peer(storage, storage.peers.get("archive"))
        assert not tested.ok
        assert "Connection refused" in tested.sentence


def test_partial_success_is_honoured(tmp_path: Path) -> None:
    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in uids[1:]]
        return 202, {
            "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uids[1]]}}]},
            "00081198": {
                "vr": "SQ",
                "Value": [
                    {
                        "00081155": {"vr": "UI", "Value": [uids[0]]},
                        "00081197": {"vr": "US", "Value": [0xA700]},
                    }
                ],
            },
        }

    uids: list[str] = []
    with (
        answering(answer) as url,
        node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
    ):
        uids += [one.sop_instance_uid for one in with_results(storage)]
        assert deliver_due(storage, utcnow(), "sender") == 1
        states = {one.sop_instance_uid: one for one in deliveries(storage)}
        assert states[uids[1]].state == "CONFIRMED"
        assert states[uids[0]].state == "PENDING"
        assert "failure reason 0xa700" in states[uids[0]].last_error


def test_without_qido_metadata_prove_and_without_both_it_stays_at_sent(tmp_path: Path) -> None:
    has_metadata = True

    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        if method == "POST":
            named = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]
            return 200, {"00081199": {"vr": "SQ", "Value": named}}
        if path.endswith("/metadata") and has_metadata:
            return 200, [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in uids]
        return 404, {}

    uids: list[str] = []
    with (
        answering(answer) as url,
        node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
    ):
        uids += [one.sop_instance_uid for one in with_results(storage)]
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
        has_metadata = False
        uids[:] = [one.sop_instance_uid for one in with_results(storage, "b")]
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage, "b")} == {"SENT"}
        assert all("offers no QIDO-RS" in one.last_error for one in deliveries(storage, "b"))


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with answering(lambda *_: (200, [])) as inside:
        asked: list[str] = []

        def redirect(method: str, path: str, headers: Any) -> tuple[int, Any]:
            asked.append(path)
            return 307, {"Location": inside}

        with (
            answering(redirect) as url,
            node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage,
        ):
            tested = probe_peer(storage, storage.peers.get("archive"))
            assert not tested.ok
            assert "HTTP 307" in tested.sentence
            assert len(asked) == 1


def test_a_host_that_is_not_allowed_any_more_gets_nothing(tmp_path: Path) -> None:
    with answering(lambda *_: (200, [])) as url:
        with node(tmp_path, stow(url), stow_hosts=host_of(url)) as storage:
            with_results(storage)
        with node(tmp_path) as storage:
            assert deliver_due(storage, utcnow(), "sender") == 0
            assert all("MEDIVIEW_STOW_HOSTS" in one.last_error for one in deliveries(storage))

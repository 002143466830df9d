"""Who may listen to workitems: the web socket has the matrix's roles and scopes too."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.ups.worklist_client import PREFIX, STATE, Listener, Worklist, new_item

ALLOWED = {"viewer": False, "radiologist": False, "integrator": True, "admin": True}


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    settings = closed_settings(tmp_path_factory.mktemp("closed"))
    with closed_node(settings) as node:
        yield node


def address(closed: ClosedNode) -> str:
    return f"{closed.url.replace('http', 'ws', 1)}{PREFIX}/subscribers/WATCHER"


def refusal(closed: ClosedNode, headers: dict[str, str], origin: str | None = None) -> int:
    """The status of the handshake; 101 where it is let in."""
    try:
        with connect(address(closed), additional_headers=headers, origin=origin, proxy=None):  # type: ignore[arg-type]
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("role", ALLOWED)
def test_a_key_listens_by_its_role_and_scope(closed: ClosedNode, role: str) -> None:
    assert refusal(closed, bearer(closed.key(f"{role}-all", role))) == (
        101 if ALLOWED[role] else 403
    )
    assert refusal(closed, bearer(closed.key(f"{role}-api", role, "api:read"))) == 403


@pytest.mark.parametrize("role", ALLOWED)
def test_a_browser_listens_by_its_role_from_pages_of_ours_alone(
    closed: ClosedNode, role: str
) -> None:
    with closed.signed_in(f"person-{role}", role) as browser:
        cookie = {"Cookie": f"mediview={browser.cookies['mediview']}"}
        assert refusal(closed, cookie, closed.url) == (101 if ALLOWED[role] else 403)
        assert refusal(closed, cookie, "https://evil.example") == 403
        assert refusal(closed, cookie) == 403, "a browser says where it comes from"


def test_nobody_else_listens(closed: ClosedNode) -> None:
    assert refusal(closed, {}) in (401, 403)
    assert refusal(closed, bearer("mvk_0123456789ab_guess")) in (401, 403)


def test_an_integrator_hears_and_the_key_of_a_viewer_cannot_subscribe(closed: ClosedNode) -> None:
    secret = closed.key("ris", "integrator")
    with closed.client(headers=bearer(secret)) as ris:
        worklist = Worklist(ris, closed.url)
        uid = worklist.created(new_item())
        worklist.subscribe(uid, "WATCHER")
        with connect(address(closed), additional_headers=bearer(secret), proxy=None) as socket:
            report = Listener(socket).next()
        assert report[STATE]["Value"] == ["SCHEDULED"]
        subscribers = f"{PREFIX}/workitems/{uid}/subscribers/SPY"
    with closed.with_key("onlooker", "viewer") as onlooker:
        assert onlooker.post(subscribers).status_code == 403

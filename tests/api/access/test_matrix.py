"""Every route, every method, every role: as its policy says, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api import app as application
from api.access.access_document import access_table
from api.access.policy import policy_of
from api.access.rule_index import RouteWithoutPolicy, Rule, RuleIndex, rules_of
from api.app import create_app
from api.router_factory import new_router
from api.routers import ROUTERS
from storage.core.callers.roles import ROLES, SCOPES
from storage.core.clock import utcnow
from storage.settings import load_settings
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    closed_node,
    closed_settings,
    confirm,
    sign_in,
)

_TABLE = Path(__file__).parents[3] / "docs" / "access.md"


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """(method, path) of everything that the application serves but for the viewer's files."""
    for one in iter_route_contexts(app.routes):
        methods = getattr(one, "methods", None)
        for method in sorted(set(methods or {"WEBSOCKET"}) - {"HEAD"}):
            yield ("GET" if method == "OPTIONS" else method), one.path or ""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(load_settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def matrix(app: FastAPI) -> tuple[Rule, ...]:
    found: tuple[Rule, ...] = app.state.rules.rules
    return found


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    settings = closed_settings(tmp_path_factory.mktemp("closed"), rate_limit_anonymous_per_minute=0)
    with closed_node(settings) as node:
        yield node


def test_every_route_has_a_rule(app: FastAPI, matrix: tuple[Rule, ...]) -> None:
    assert {(rule.method, rule.path) for rule in matrix} == set(routes(app))


def test_the_table_for_review_is_that_of_the_routes(matrix: tuple[Rule, ...]) -> None:
    assert _TABLE.read_text(encoding="utf-8") == access_table(matrix), (
        "Look at what changed, then write it: .venv/bin/python scripts/access-table.py"
    )


def test_a_node_with_a_route_without_a_policy_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = new_router(prefix="/api/forgotten", tags=["x"])

    @router.get("/{name}")
    def forgotten(name: str) -> str:
        return name

    monkeypatch.setattr(application, "ROUTERS", (*ROUTERS, router))
    with pytest.raises(RouteWithoutPolicy, match=r"/api/forgotten/\{name\}"):
        create_app(load_settings(data_dir=tmp_path))


def test_methods_of_one_path_have_rules_of_their_own(app: FastAPI) -> None:
    served = {one.path: one for one in app.routes if getattr(one, "path", "") == "/api/peers"}
    assert rules_of(served.values())
    for route in app.routes:
        assert policy_of(getattr(route, "endpoint", None)) is not None, route


def test_each_rule_finds_itself(matrix: tuple[Rule, ...]) -> None:
    rules = RuleIndex(matrix)
    for rule in matrix:
        assert rules.find(rule.method, example(rule)) is rule
    for method in ("HEAD", "OPTIONS"):
        assert rules.find(method, "/api/studies") == rules.find("GET", "/api/studies")
    for path in ("/api/studies/", "//api/studies", "/API/studies", "/api/studies/1/2/3", ""):
        assert rules.find("GET", path) is None


def example(rule: Rule) -> str:
    """A path of the line that finds nothing: no such study, no such name."""
    return re.sub(r"\{[^}]*\}", "1", rule.path)


def ask(client: httpx.Client, rule: Rule) -> int:
    """The status of a request that does no harm, whoever may make it."""
    with client.stream(rule.method, example(rule), json={"x": 1}) as answer:
        return answer.status_code


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_may_do_what_its_lines_say_and_nothing_else(
    closed: ClosedNode, matrix: tuple[Rule, ...], role: str
) -> None:
    with closed.with_key(f"all of {role}", role) as client:
        for rule in http_rules(matrix):
            status = ask(client, rule)
            allowed = rule.is_public or (role in rule.roles and not rule.people_only)
            assert (status not in (401, 403)) is allowed, (rule, status)
            assert status < 500 or status in (501, 503), (rule, status)


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_a_key_may_do_what_its_scope_says_and_nothing_else(
    closed: ClosedNode, matrix: tuple[Rule, ...], scope: str
) -> None:
    with closed.with_key(f"admin of {scope.replace(':', ' ')}", "admin", scope) as client:
        for rule in http_rules(matrix):
            status = ask(client, rule)
            allowed = rule.is_public or (rule.scope == scope and not rule.people_only)
            assert (status not in (401, 403)) is allowed, rule


@pytest.mark.parametrize("role", sorted(ROLES))
def test_people_may_do_what_no_program_may(
    closed: ClosedNode, matrix: tuple[Rule, ...], role: str
) -> None:
    with closed.signed_in(f"person-{role}", role) as client:
        assert confirm(client).status_code == 204
        for rule in (one for one in http_rules(matrix) if one.people_only):
            status = ask(client, rule)
            assert (status not in (401, 403)) is (role in rule.roles), (rule, status)


@pytest.mark.parametrize("step", ["password", "second_factor"])
def test_an_unfinished_sign_in_may_take_its_step_and_nothing_else(
    closed: ClosedNode, matrix: tuple[Rule, ...], step: str
) -> None:
    name = f"unfinished-{step.replace('_', '-')}"
    storage = closed.storage
    storage.accounts.add(name, PASSWORD, ["admin"], must_change_password=step == "password")
    if step == "second_factor":
        storage.second_factors.add_key(name, name, "", 0, "", utcnow())
    with closed.client() as client:
        begun = sign_in(client, name).json()
        assert begun["step"] == step
        client.headers["X-CSRF-Token"] = begun["csrf_token"]
        # Signing out comes last.
        for rule in sorted(http_rules(matrix), key=lambda one: one.path == "/api/session"):
            status = ask(client, rule)
            assert (status != 401) is (rule.is_public or step in rule.steps), (rule, status)


def test_strangers_may_do_what_is_open_and_nothing_else(
    closed: ClosedNode, matrix: tuple[Rule, ...]
) -> None:
    with closed.client() as client:
        for rule in http_rules(matrix):
            status = ask(client, rule)
            assert (status != 401) is rule.is_public, (rule, status)


def http_rules(matrix: tuple[Rule, ...]) -> list[Rule]:
    # Signing in is tried in `test_sessions`: here its failures would make the others wait.
    own = {("POST", "/api/session")}
    return [
        rule
        for rule in matrix
        if rule.method != "WEBSOCKET" and (rule.method, rule.path) not in own
    ]


def test_methods_and_addresses_without_a_line_are_denied(closed: ClosedNode) -> None:
    with closed.with_key("everything", "admin") as admin:
        answer = admin.delete("/api/studies")
        assert answer.status_code == 405
        assert "GET" in answer.headers["allow"]
        assert "OPTIONS" in admin.put("/dicom-web/studies").headers["allow"]
        assert admin.get("/api/nothing").status_code == 404
        assert admin.get("/dicom-web/nothing").status_code == 404
        assert admin.request("TRACE", "/api/studies").status_code == 405
        assert admin.request("PROPFIND", "/api/studies").status_code == 405


def test_a_route_without_a_line_answers_nobody(tmp_path: Path) -> None:
    """Were one forgotten, it would be out of reach, not open."""
    import threading
    import time

    import uvicorn

    settings = closed_settings(tmp_path)
    app = create_app(settings)

    @app.get("/forgotten/{name}")
    def forgotten(name: str) -> str:
        return "secret"

    config = uvicorn.Config(app, port=settings.http_port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        node = f"http://127.0.0.1:{settings.http_port}"
        with httpx.Client(base_url=node) as client:
            assert client.get("/forgotten/one").status_code == 401
            storage = app.state.storage
            storage.accounts.add("root", "correct horse battery staple", ["admin"])
            assert sign_in(client, "root").status_code == 200
            assert client.get("/forgotten/one").status_code == 404
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    "path",
    [
        "/api/./studies",
        "/api//studies",
        "//api/studies",
        "/viewer/../api/studies",
        "/%61pi/studies",
        "/api/studies%2f",
        "/api%2fstudies",
        "/API/studies",
        "/api/studies/",
        "/api/studies;x",
        "/dicom-web/studies/",
        "/%2e/api/studies",
        "/health/../api/studies",
        "/api/uploads/content/../../studies",
    ],
)
def test_no_spelling_of_a_path_gets_around_it(closed: ClosedNode, path: str) -> None:
    """Written as it is: clients would tidy it up."""
    import socket

    with socket.create_connection(("127.0.0.1", closed.storage.settings.http_port)) as wire:
        wire.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        stated = b""
        while piece := wire.recv(65536):
            stated += piece
    status = int(stated.split()[1])
    assert status in (307, 400, 401, 404), stated[:200]
    assert b'"items"' not in stated

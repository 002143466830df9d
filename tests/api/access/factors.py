"""Set up a second factor, and show it at sign-in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pyotp

from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    sign_in,
)

NEW_PASSWORD = "four words that nobody knows"


def enrol_app(client: httpx.Client) -> tuple[pyotp.TOTP, list[str]]:
    """An authenticator app is set up by who has signed in and confirmed; the recovery codes."""
    begun = client.post("/api/me/second-factors/totp")
    assert begun.status_code == 201, begun.text
    app = pyotp.parse_uri(begun.json()["uri"])
    assert isinstance(app, pyotp.TOTP)
    assert app.secret == begun.json()["secret"]
    # The code before the present one is left for it, so that the present one signs in next.
    code = app.at(time.time() - 30)
    path = f"/api/me/second-factors/totp/{begun.json()['factor_id']}"
    done = client.post(path, json={"code": code, "label": "Phone"})
    assert done.status_code == 200, done.text
    renew_token(client)
    return app, done.json()["recovery_codes"]


def renew_token(client: httpx.Client) -> dict[str, Any]:
    session: dict[str, Any] = client.get("/api/session").json()
    client.headers["X-CSRF-Token"] = session["csrf_token"]
    return session


@contextmanager
def begin(closed: ClosedNode, name: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
    """A browser of which the password was right."""
    with closed.client() as client:
        answer = sign_in(client, name, password)
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


def show(client: httpx.Client, **given: Any) -> httpx.Response:
    return client.post("/api/session/second-factor", json=given)

"""A security key as second factor (WebAuthn): it signs once, for this node alone."""

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.api.access.closed import (
    ClosedNode,
    closed_node,
    closed_settings,
    confirm,
)
from tests.api.access.factors import begin, renew_token, show
from tests.api.access.soft_key import SoftKey
from tests.api.client import is_problem


def test_a_security_key_signs_its_challenge_once(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path)
    settings = settings.model_copy(update={"public_url": f"http://localhost:{settings.http_port}"})
    with closed_node(settings) as closed, closed.signed_in("ada", "viewer") as ada:
        assert confirm(ada).status_code == 204
        key = SoftKey(settings.public_url, "localhost")
        options = ada.post("/api/me/second-factors/key/options").json()["public_key"]
        assert options["rp"]["id"] == "localhost"
        user_handle = base64.urlsafe_b64decode(options["user"]["id"] + "==")
        assert b"ada" not in user_handle
        foreign = SoftKey("https://evil.example", "localhost").register(options)
        refused = ada.post("/api/me/second-factors/key", json={"credential": foreign})
        is_problem(refused, 400, "invalid_request")
        # The challenge is used up, whatever came of it.
        late = ada.post("/api/me/second-factors/key", json={"credential": key.register(options)})
        is_problem(late, 400, "invalid_request")
        options = ada.post("/api/me/second-factors/key/options").json()["public_key"]
        done = ada.post(
            "/api/me/second-factors/key",
            json={"credential": key.register(options), "label": "Blue key"},
        )
        assert done.status_code == 201, done.text
        assert len(done.json()["recovery_codes"]) == 10
        with begin(closed, "ada") as again:
            challenge = again.post("/api/session/second-factor/options").json()["public_key"]
            stranger = SoftKey(settings.public_url, "localhost", credential_id=key.credential_id)
            is_problem(show(again, credential=stranger.sign(challenge)), 401, "wrong_second_factor")
            is_problem(show(again, credential=key.sign(challenge)), 401, "wrong_second_factor")
            challenge = again.post("/api/session/second-factor/options").json()["public_key"]
            answer = key.sign(challenge)
            assert show(again, credential=answer).json()["signed_in"] is True
            renew_token(again)
            is_problem(show(again, credential=answer), 409, "no_second_factor_due")
        with begin(closed, "ada") as replay:
            replay.post("/api/session/second-factor/options")
            is_problem(show(replay, credential=answer), 401, "wrong_second_factor")


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "x"},
        {"id": 5, "rawId": [], "type": "public-key", "response": "no"},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "%%"}},
        {"id": "AA", "rawId": "AA", "type": "public-key",
         "response": {"clientDataJSON": "e30", "attestationObject": "gYGBgYGBgYGBgYGBgYGBgYGB"}},
    ],
)  # fmt: skip
def test_a_credential_that_was_made_up_is_refused(
    tmp_path: Path, credential: dict[str, Any]
) -> None:
    settings = closed_settings(tmp_path)
    settings = settings.model_copy(update={"public_url": f"http://localhost:{settings.http_port}"})
    with closed_node(settings) as closed, closed.signed_in("ada", "viewer") as ada:
        assert confirm(ada).status_code == 204
        ada.post("/api/me/second-factors/key/options")
        answer = ada.post("/api/me/second-factors/key", json={"credential": credential})
        is_problem(answer, 400, "invalid_request")


def test_keys_need_a_name_for_the_node(closed: ClosedNode) -> None:
    with closed.signed_in("ada", "viewer") as ada:
        assert confirm(ada).status_code == 204
        assert ada.get("/api/me/second-factors").json()["keys_work"] is False
        answer = ada.post("/api/me/second-factors/key/options")
        assert "MEDIVIEW_PUBLIC_URL" in is_problem(answer, 409, "keys_need_a_name")["remedy"]

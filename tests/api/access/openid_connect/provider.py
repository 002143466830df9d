"""A small identity provider of the tests' own, which can also misbehave.

It checks what oidc-provider-mock does not: the code challenge, the client's secret,
that a code counts once. It changes its keys, and signs what it should not.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from storage.settings import Settings
from tests.api.access.closed import closed_settings

CLIENT_ID, CLIENT_SECRET, AUDIENCE = "mediview", "s3cret/with+signs", "urn:mediview:api"


@cache
def _first_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """Whoever comes is signed in at once, with these claims."""

    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "4711"})
    key: RSAKey = field(default_factory=_first_key)
    userinfo: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)
    """Claims that replace those of the ID token."""
    asked: list[str] = field(default_factory=list)
    url: str = ""
    slash: str = ""
    """Ends its name as issuer, as some providers' does."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    id_token_type: str = "JWT"
    context: dict[str, Any] = field(default_factory=dict)
    """What the token endpoint names beside the tokens."""
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What a FHIR server beside it has, by path."""

    @property
    def issuer(self) -> str:
        return self.url + self.slash

    def change_key(self, name: str) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": name})

    def token(self, key: RSAKey | None = None, *, kind: str = "at+jwt", **claims: Any) -> str:
        """An access token for this node, but for what `kind`, its typ, and `claims` say."""
        now = int(time.time())
        stated = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "4711",
            "exp": now + 300,
            "iat": now,
            **self.claims,
            **claims,
        }
        used = key or self.key
        header = {"alg": "RS256", "kid": used.kid or "one", "typ": kind}
        return jwt.encode(
            header, {n: v for n, v in stated.items() if v is not None}, used, ["RS256"]
        )


@contextmanager
def provider(found: Provider | None = None) -> Iterator[Provider]:
    found = found or Provider()

    class Handler(_Handler):
        one = found

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_with(identity: Provider, folder: Path, **more: Any) -> Settings:
    """Of a node whose people come from there, with roles as their groups are named."""
    return closed_settings(
        folder,
        oidc_issuer=identity.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_roles_claim="groups",
        oidc_audience=AUDIENCE,
        **more,
    )


class _Handler(BaseHTTPRequestHandler):
    one: Provider

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at `asked`."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.one.asked.append(url.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/.well-known/openid-configuration":
            at = self.one.url
            self._answer(
                {
                    "issuer": self.one.issuer,
                    "authorization_endpoint": f"{at}/authorize",
                    "token_endpoint": f"{at}/token",
                    "jwks_uri": f"{at}/keys",
                    "userinfo_endpoint": f"{at}/userinfo",
                    "end_session_endpoint": f"{at}/end",
                }
            )
        elif url.path in self.one.resources:
            if self.headers.get("Authorization", "Bearer opaque") == "Bearer opaque":
                self._answer(self.one.resources[url.path])
            else:
                self.send_error(401)
        elif url.path == "/keys":
            self._answer({"keys": [self.one.key.as_dict(private=False)]})
        elif url.path == "/userinfo":
            self._answer({"sub": self.one.claims["sub"], **self.one.userinfo})
        elif url.path == "/authorize":
            code = secrets.token_urlsafe(16)
            self.one.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"], "iss": self.one.issuer})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        self.one.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        begun = self.one.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(b"mediview:s3cret%2Fwith%2Bsigns").decode()
        if (
            begun is None
            or begun["code_challenge_method"] != "S256"
            or begun["code_challenge"] != challenge
            or begun["redirect_uri"] != form["redirect_uri"]
            or self.headers.get("Authorization") != f"Basic {basic}"
        ):
            self._answer({"error": "invalid_grant"}, 400)
            return
        claims = {"aud": CLIENT_ID, "nonce": begun["nonce"], **self.one.spoil}
        tokens = {"access_token": "opaque", "id_token": self._id_token(claims)}
        self._answer({**self.one.context, **tokens})

    def _id_token(self, claims: dict[str, Any]) -> str:
        return self.one.token(kind=self.one.id_token_type, **claims)

    def _answer(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

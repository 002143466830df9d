"""Under which headers secrets are sent."""

import pytest

from storage.http.header_names import is_token_header


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-API-Key",
        "apikey",
        "api_key",
        "PRIVATE-TOKEN",
        "X-Auth-Token",
        "Ocp-Apim-Subscription-Key",
        "CF-Access-Client-Secret",
    ],
)
def test_what_servers_ask_for_is_allowed(name: str) -> None:
    assert is_token_header(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Host",
        "HOST",
        "Content-Length",
        "content_length",
        "Transfer-Encoding",
        "Connection",
        "Content-Type",
        "Content-Encoding",
        "Cookie",
        "Proxy-Authorization",
        "Upgrade",
        "Expect",
        "X-Forwarded-Host",
        "Forwarded",
        "If-None-Match",
        "Accept-Encoding",
        "Range",
        "X Y",
        "X:Y",
        "X-HTTP-Method-Override",
        "X\r\nY",
        "X" * 101,
        "-X",
        "Schl\u00fcssel",
    ],
)
def test_what_frames_or_routes_a_request_is_not(name: str) -> None:
    assert not is_token_header(name)

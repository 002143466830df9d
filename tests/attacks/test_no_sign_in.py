"""A node without sign-in is for who sits at its machine, and no proxy may publish it."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from api.server.checks.doctor import diagnose
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.ready_processes import run
from tests.services import free_port


@pytest.mark.parametrize(
    "setting",
    [
        {"MEDIVIEW_PUBLIC_URL": "https://mediview.example.org"},
        {"MEDIVIEW_PUBLIC_URL": "http://10.0.0.7:8000/"},
        {"MEDIVIEW_TRUSTED_PROXIES": "127.0.0.1"},
        {"MEDIVIEW_TRUSTED_PROXIES": "::1", "MEDIVIEW_PUBLIC_URL": "http://127.0.0.1:8000"},
    ],
)
@pytest.mark.parametrize("command", ["up", "api"])
@pytest.mark.slow
def test_it_does_not_start_behind_a_proxy(
    tmp_path: Path, command: str, setting: dict[str, str]
) -> None:
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": os.fspath(tmp_path),
        "MEDIVIEW_HTTP_PORT": str(free_port()),
        "MEDIVIEW_DICOM_PORT": str(free_port()),
        **setting,
    }
    ended = run(
        [sys.executable, "-m", "api.cli", command],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    output = " ".join(f"{ended.stdout} {ended.stderr}".split())
    assert "nobody would have to sign in" in output
    assert "MEDIVIEW_AUTH=required" in output


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({}, False),
        ({"public_url": "http://127.0.0.1:8000"}, False),
        ({"public_url": "http://localhost:9000/"}, False),
        ({"public_url": "http://[::1]:9000/"}, False),
        ({"public_url": "https://mediview.example.org", "auth": "required"}, False),
        ({"trusted_proxies": "10.0.0.0/8", "auth": "required"}, False),
        ({"public_url": "https://127.0.0.1.example.org"}, True),
        ({"public_url": "mediview.example.org"}, True),
        ({"trusted_proxies": "10.0.0.0/8"}, True),
    ],
)
def test_what_is_refused_and_what_doctor_says_of_it(
    tmp_path: Path, settings: dict[str, Any], refused: bool
) -> None:
    loaded = load_settings(data_dir=tmp_path, **settings)
    network = next(one for one in diagnose(loaded) if one.name == "network")
    assert (network.state == "fail") is refused
    if refused:
        with pytest.raises(InvalidRequest, match="sign"):
            loaded.check_http_binding()
    else:
        loaded.check_http_binding()

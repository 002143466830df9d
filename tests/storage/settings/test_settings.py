"""Settings: read from the environment, refused in a sentence."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from storage.core.errors import InvalidRequest, StorageUnavailable
from storage.core.uids import check_uid, derive_uid, new_uid
from storage.crypto.secret_files import load_secret
from storage.settings import Destination, load_settings


def test_destinations_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIVIEW_DESTINATIONS", "pacs=ORTHANC@127.0.0.1:4242, AE2@[::1]:104")
    assert load_settings().destinations == (
        Destination("pacs", "ORTHANC", "127.0.0.1", 4242),
        Destination("ae2", "AE2", "::1", 104),
    )


@pytest.mark.parametrize(
    "text", ["ORTHANC", "A@h", "A@h:0", "A@h:70000", "@h:1", "A@:1", "A" * 17 + "@h:1"]
)
def test_an_address_that_is_none_is_refused_with_an_example(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MEDIVIEW_DESTINATIONS", text)
    with pytest.raises(ValidationError, match=r"ORTHANC@127|cannot be the AE title"):
        load_settings()


def test_two_destinations_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="share a name"):
        load_settings(destinations="a=X@h:1,a=Y@h:2")


def test_listening_beyond_loopback_needs_the_operators_word() -> None:
    settings = load_settings()
    for host in ("127.0.0.1", "localhost", "::1"):
        settings.check_binding(host, "The API")
    with pytest.raises(InvalidRequest, match=r"The API would listen on 0\.0\.0\.0") as refusal:
        settings.check_binding("0.0.0.0", "The API")
    assert "MEDIVIEW_TRUSTED_NETWORK" in refusal.value.remedy
    load_settings(trusted_network=True).check_binding("0.0.0.0", "The API")


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret"
    secret = load_secret(path)
    assert load_secret(path) == secret
    assert len(secret) == 32
    assert path.stat().st_mode & 0o077 == 0


def test_a_secret_that_cannot_be_made_is_a_cause_of_ours(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(StorageUnavailable, match="does not work"):
        load_secret(tmp_path / "data" / "secret.key")


def test_uids_are_derived_alike_and_checked() -> None:
    assert derive_uid("a", "b") == derive_uid("a", "b") != derive_uid("ab")
    for uid in (derive_uid("a"), new_uid()):
        assert check_uid(uid, "X") == uid
        assert len(uid) <= 64


@pytest.mark.parametrize("name", ["frame_ancestors", "cors_origins"])
class TestOrigins:
    def test_are_read_as_a_browser_writes_them(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stated = " https://PACS.example.org:443/, http://ris_2:8080,,https://[fd00::1] "
        monkeypatch.setenv(f"MEDIVIEW_{name.upper()}", stated)
        found = getattr(load_settings(), name)
        assert found == ("https://pacs.example.org", "http://ris_2:8080", "https://[fd00::1]")

    @pytest.mark.parametrize(
        "bad",
        [
            "*",
            "pacs.example.org",
            "https://*.example.org",
            "https://pacs.example.org/portal",
            "https://pacs.example.org#x",
            "https://ann@pacs.example.org",
            "https://pacs.example.org:99999",
            "https://pacs.example.org:x",
            "https://a;script-src *",
            "https://a b",
            "https://[fd00",
            "https://pâcs.example.org",
            "ftp://pacs.example.org",
        ],
    )
    def test_that_are_none_are_named(
        self, name: str, bad: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(f"MEDIVIEW_{name.upper()}", f"https://good.example.org,{bad}")
        with pytest.raises(ValueError, match=re.escape(f"{bad!r} is not an origin")):
            load_settings()

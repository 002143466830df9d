"""An operator signs people out whom the provider has shut out, or whose computer is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.access.users import sign_out
from storage.container import Storage, open_storage
from storage.core.callers.identity import Identity, of_account
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.settings import load_settings
from tests.api.access.closed import PASSWORD, audited
from tests.api.usual_logging import logging_as_before
from tests.migrated import upgrade

ADA = Identity("oidc", "Ada-4711", "Ada", "https://idp.example.org")


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two accounts and a person of the provider, each with two sessions."""
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    upgrade(settings)
    with open_storage(settings) as storage:
        for name in ("ada-4711", "eve"):
            storage.accounts.add(name, PASSWORD, ["viewer"], must_change_password=False)
        for identity in (of_account("ada-4711"), of_account("eve"), ADA) * 2:
            storage.sessions.open(identity, ["viewer"], "10.0.0.1", utcnow())
    with logging_as_before():
        yield tmp_path


def left(storage: Storage) -> list[int]:
    return [
        len(storage.sessions.all_of(one, utcnow()))
        for one in (of_account("ada-4711"), of_account("eve"), ADA)
    ]


@pytest.mark.parametrize(
    ("who", "provider", "everybody", "expected", "named"),
    [
        ("Ada-4711", True, False, [2, 2, 0], "Ada-4711 of the provider"),
        ("Ada-4711", False, False, [0, 2, 2], "ada-4711"),
        ("", False, True, [0, 0, 0], "everybody"),
    ],
)
def test_the_sessions_of_who_is_named_end(
    people: Path, who: str, provider: bool, everybody: bool, expected: list[int], named: str
) -> None:
    sign_out(who, provider, everybody)
    with open_storage(load_settings()) as storage:
        assert left(storage) == expected
        changes = [one["detail"] for one in audited(storage) if "sessions ended" in str(one)]
        assert [named in str(one.values()) for one in changes] == [True]


def test_nobody_is_signed_out_by_mistake(people: Path) -> None:
    with pytest.raises(NotFound):
        sign_out("nobody", False, False)
    for who, everybody in (("", False), ("eve", True)):
        with pytest.raises(InvalidRequest, match="not clear whose"):
            sign_out(who, False, everybody)
    with open_storage(load_settings()) as storage:
        assert left(storage) == [2, 2, 2]

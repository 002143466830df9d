"""Secrets in the database cannot be read from it alone."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from storage import tables as t
from storage.container import open_storage
from storage.crypto.secret_box import Sealer
from storage.db.engine import reading, writing
from storage.peers.entities import KnownPeer
from storage.settings import Settings

TOKEN = "Bearer a-token-that-nobody-else-may-know"


def kept_token(storage_engine: object) -> str:
    with reading(storage_engine) as connection:  # type: ignore[arg-type]
        return str(connection.execute(select(t.peer.c.token)).scalar_one())


def test_a_peers_token_is_sealed_in_either_database(storage_settings: Settings) -> None:
    peer = KnownPeer(
        "cloud", kind="stow", url="https://pacs.example.org", token=TOKEN, is_destination=True
    )
    with open_storage(storage_settings) as storage:
        storage.peers.add(peer)
        kept = kept_token(storage.engine)
        assert TOKEN not in kept
        assert kept.startswith("sealed:")
        assert storage.peers.get("cloud").token == TOKEN
        assert storage.peers.all()[0].token == TOKEN
        storage.peers.replace(peer)
        assert kept_token(storage.engine) != kept, "the same secret looks different each time"
        # One from before there were seals.
        with writing(storage.engine) as connection:
            connection.execute(update(t.peer).values(token=TOKEN))
        assert storage.peers.get("cloud").token == TOKEN
    assert (storage_settings.data_dir / "sealing.key").stat().st_mode & 0o777 == 0o600


def test_a_secret_is_bound_to_its_place_and_to_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealer = Sealer(tmp_path / "a")
    sealed = sealer.seal(TOKEN, "peer:a")
    assert sealer.open(sealed, "peer:a") == TOKEN
    assert sealer.open(sealed, "peer:b") == ""
    assert Sealer(tmp_path / "b").open(sealed, "peer:a") == ""
    for broken in (sealed[:-8], sealed[:20], "sealed:1:", "sealed:1:%%%"):
        assert sealer.open(broken, "peer:a") == ""
    assert sealer.seal("", "peer:a") == ""
    assert TOKEN not in capsys.readouterr().out

"""Peers of an older database keep all rights where they had all, and their own list otherwise."""

from dataclasses import replace
from pathlib import Path

from alembic import command

from storage.container import open_storage
from storage.db.engine import writing
from storage.db.migrate import _config
from storage.maintenance.upgrade import upgrade
from storage.peers.entities import ACTIONS, KnownPeer
from storage.settings import load_settings
from tests.storage.engines import opened_engine


def test_who_had_all_rights_may_reject_and_a_list_of_rights_stays(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    listed = KnownPeer("listed", may=frozenset({"store", "query"}))
    with open_storage(settings) as storage:
        for peer in (KnownPeer("pacs"), listed):
            storage.peers.add(peer)
        storage.peers.replace(replace(storage.peers.get("pacs"), may=ACTIONS - {"reject"}))
    config = _config()
    with opened_engine(settings) as engine, writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0065")
    upgrade(settings)
    with open_storage(settings) as storage:
        assert storage.peers.get("pacs").may == ACTIONS
        assert storage.peers.get("listed").may == listed.may

"""What others put into a place of backups, and what somebody with the key makes up."""

import os
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from storage.backup.entities import BackupDamaged, Manifest
from storage.backup.key import BackupKey, new_key
from storage.backup.places import open_place
from storage.backup.taking import StoreState, take_backup
from storage.backup.verification import prune
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.core.uids import derive_uid
from storage.settings import Settings, load_settings
from tests.storage.backup.nodes import KEY, Make, backed_up, restored, store_at
from tests.storage.backup.test_damaged_backup import pieces


def test_another_key_and_no_key_are_named(node: Settings, place: Path) -> None:
    backed_up(node, place)
    with pytest.raises(InvalidRequest, match="were made with the key"):
        store_at(node, place, new_key())
    with pytest.raises(InvalidRequest, match="MEDIVIEW_BACKUP_KEY is empty"):
        store_at(node, place, "")
    with pytest.raises(InvalidRequest, match="32 bytes in base64"):
        store_at(node, place, KEY[:-4])
    with pytest.raises(InvalidRequest, match="is a part of the node"):
        store_at(node, node.data_dir / "backups")


@pytest.mark.parametrize("head", [b"[]", b"null", b"[" * 4000, b"\xff", b"{}" + b" " * 4096])
def test_a_head_that_says_nothing_is_named(tmp_path: Path, place: Path, head: bytes) -> None:
    place.mkdir()
    (place / "mediview-backup.json").write_bytes(head)
    with pytest.raises(BackupDamaged, match=r"mediview-backup\.json in .* is damaged"):
        store_at(load_settings(data_dir=tmp_path / "node"), place)


def test_what_no_backup_ever_wrote_is_not_read(tmp_path: Path, place: Path) -> None:
    """In a folder that others may write to."""
    store = store_at(load_settings(data_dir=tmp_path / "node"), place)
    folder = place / "pieces" / "ab"
    folder.mkdir(parents=True)
    with (folder / "ab0").open("wb") as huge:
        huge.truncate(3 << 30)
    os.mkfifo(folder / "ab1")
    (folder / "ab2").mkdir()
    for name, words in (("ab0", "3221225472 bytes"), ("ab1", "not a file"), ("ab2", "not a file")):
        with pytest.raises(BackupDamaged, match=f"pieces/ab/{name} in .* is damaged: .*{words}"):
            store.piece(name)


def test_nothing_of_a_patient_can_be_read_in_the_store(node: Settings, place: Path) -> None:
    backed_up(node, place)
    everything = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    for secret in ("four hares", "Żółć", "weights.bin", derive_uid("test", "1-1")):
        assert secret.encode() not in everything


def test_links_in_a_place_are_neither_written_through_nor_followed(
    node: Settings, tmp_path: Path
) -> None:
    place, ours = tmp_path / "shared", tmp_path / "ours"
    for folder in (place, ours):
        folder.mkdir()
    (ours / "key").write_text("of the node")
    (place / "mediview-backup.json.part").symlink_to(ours / "key")
    backed_up(node, place)
    assert (ours / "key").read_text() == "of the node"
    store = store_at(node, place)
    assert not [path for path in place.rglob("*.part") if not path.is_symlink()]
    manifest = store.manifest()
    piece = next(path for path in pieces(place) if path.name == manifest.files[0])
    piece.rename(ours / "piece")
    piece.symlink_to(ours / "piece")
    with pytest.raises(BackupDamaged, match="is not a file"):
        list(store.files(manifest))
    (place / "backups").rename(ours / "backups")
    (place / "backups").symlink_to(ours)
    for attempt in (store.whole, lambda: store.delete_manifest("key"), lambda: store.end(manifest)):
        with pytest.raises(BackupDamaged, match="is a link"):
            attempt()
    assert sorted(one.name for one in ours.iterdir()) == ["backups", "key", "piece"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "-1"}, "a schema that there never was"),
        ({"name": "elsewhere"}, "is damaged"),
        ({"files": ("bomb",)}, "is damaged"),
        ({"table": "alembic_version"}, "a table that it cannot hold: 'alembic_version'"),
        ({"table": "sqlite_master"}, "a table that it cannot hold: 'sqlite_master'"),
        ({"kind": "none such"}, "of an unknown kind"),
        ({"rows": b"[1, 2]\n"}, "is not what was read"),
        (b"{}", "is damaged"),
        (None, "is damaged"),
    ],
    ids=["schema", "name", "bomb", "version", "master", "kind", "row", "form", "zlib"],
)
def test_what_who_has_the_key_made_up_is_named(
    node: Settings, make: Make, place: Path, change: Any, words: str
) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    manifest = store.manifest()
    key, there = BackupKey.parse(KEY), open_place(node, str(place))
    if change == {"files": ("bomb",)}:
        # What would take 300 MB is inflated no further than anything that was ever written.
        made, name = zlib.compressobj(), "ab" * 32
        bomb = b"".join(made.compress(bytes(1 << 20)) for _ in range(300)) + made.flush()
        there.put(f"pieces/ab/{name}", key.encrypt(b"\1" + bomb, name))
        change = {"files": (name,)}
    elif isinstance(change, dict) and change.keys() & {"table", "kind", "rows"}:
        first = next(one for one in manifest.tables if one.name == "account")
        if "table" in change:
            altered = replace(first, name=change["table"])
        elif "kind" in change:
            columns = ((first.columns[0][0], change["kind"]), *first.columns[1:])
            altered = replace(first, columns=columns)
        else:
            altered = replace(first, pieces=(store.put_piece(change["rows"])[0],))
        tables = tuple(altered if one == first else one for one in manifest.tables)
        change = {"tables": tables}
    name = f"backups/{manifest.name}"
    body = b"none" if change is None else zlib.compress(b"{}")
    if isinstance(change, dict):
        body = zlib.compress(TypeAdapter(Manifest).dump_json(replace(manifest, **change)))
    there.put(name, key.encrypt(body, name))
    with pytest.raises(BackupDamaged, match=words):
        restored(make("sqlite", "other"), place)


def test_files_of_others_in_a_place_are_none_of_a_backup(
    node: Settings, make: Make, place: Path
) -> None:
    """Such as a file manager leaves, or the copy that a person made."""
    name = backed_up(node, place)
    for folder in ("backups", "begun", "pieces"):
        (place / folder).mkdir(exist_ok=True)
        (place / folder / "zz notes.txt").write_text("of the administrator")
    (place / "backups" / f"{name} (1)").write_bytes((place / "backups" / name).read_bytes())
    (place / "backups" / "old").mkdir()
    (place / "backups" / "old" / "20990101T000000-000000").write_text("not there")
    store = store_at(node, place)
    assert (store.whole(), store.cut_off()) == ([name], [])
    assert store.manifest().name == name
    states: list[StoreState] = []
    with open_storage(node) as storage:
        take_backup(storage, store, states.append)
    assert (states[0].written_again, states[0].damaged) == ((), ())
    restored(make("sqlite", "other"), place)
    prune(store, 1)
    assert (place / "backups" / "zz notes.txt").exists()

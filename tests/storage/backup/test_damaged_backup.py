"""What a backup lacks or what was damaged in it is named, and nothing can be read in it."""

import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from storage.backup import piece_check
from storage.backup.entities import BackupDamaged
from storage.backup.taking import StoreState, take_backup
from storage.backup.verification import prune, verify_backup
from storage.container import open_storage
from storage.core.errors import StorageUnavailable
from storage.db.engine import reading, writing
from storage.settings import Settings
from tests.storage.backup.nodes import Make, assert_same, backed_up, killed, restored, store_at


def pieces(place: Path) -> list[Path]:
    return sorted((place / "pieces").rglob("?" * 64))


def flip_bit(piece: Path) -> None:
    wrong = bytearray(piece.read_bytes())
    wrong[len(wrong) // 2] ^= 1
    piece.write_bytes(wrong)


def test_every_flipped_bit_and_missing_piece_is_named(node: Settings, place: Path) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    assert list(verify_backup(store, store.manifest())) == []
    listed = store.manifest().files[0]
    random_ = random.Random(4)
    found = set()
    for piece in pieces(place):
        if piece.name == listed:
            continue
        whole = piece.read_bytes()
        wrong = bytearray(whole)
        wrong[random_.randrange(len(wrong))] ^= 1 << random_.randrange(8)
        for damage in (bytes(wrong), whole[:-1], b"", None):
            piece.unlink() if damage is None else piece.write_bytes(damage)
            (problem,) = verify_backup(store, store.manifest())
            assert piece.name in problem.what
            assert ("missing" if damage is None else "damaged") in problem.what
            found.update(problem.affects)
        piece.write_bytes(whole)
    assert {"objects/reports/summary.bin", "models/lung/weights.bin", "the table account"} <= found
    assert any(name.startswith("volumes/") for name in found)


def test_a_restore_of_a_damaged_backup_names_the_part_and_the_file(
    node: Settings, make: Make, place: Path
) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    file = next(one for one in store.files(store.manifest()) if one.path.endswith("weights.bin"))
    piece = next(path for path in pieces(place) if path.name == file.pieces[0])
    piece.unlink()
    other = make("sqlite", "other")
    with pytest.raises(BackupDamaged, match=f"{piece.name} is missing .* of {file.path}"):
        restored(other, place)
    # The node still has it.
    assert backed_up(node, place)
    second = make("sqlite", "second")
    restored(second, place)
    assert_same(node, second)


def test_the_next_backup_names_damaged_pieces_and_writes_them_again(
    node: Settings, make: Make, place: Path
) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    files = {file.path: file.pieces[0] for file in store.files(store.manifest()) if file.pieces}
    volume = next(path for path in files if path.startswith("volumes/"))
    harmed = {files[volume], files["hanging-protocols.json"], files["models/lung/weights.bin"]}
    for piece in pieces(place):
        if piece.name in harmed:
            flip_bit(piece)
    (node.data_dir / "hanging-protocols.json").write_text('{"protocols": ["other"]}')
    found: list[StoreState] = []
    with open_storage(node) as storage:
        take_backup(storage, store_at(node, place), found.append)
    (state,) = found
    assert state.read == state.stored > len(harmed)
    # What the node has no longer, an earlier backup has lost.
    assert set(state.damaged) == {files["hanging-protocols.json"]}
    assert set(state.written_again) == harmed - set(state.damaged)
    assert list(verify_backup(store, store.manifest())) == []
    other = make("sqlite", "other")
    restored(other, place)
    assert_same(node, other)


def test_each_backup_reads_the_next_share_of_a_large_store(
    node: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(node, place)
    monkeypatch.setattr(piece_check, "LEAST_PIECES", 1)
    monkeypatch.setattr(piece_check, "LEAST_SHARE", 3)
    last = pieces(place)[-1]
    flip_bit(last)
    damaged: list[str] = []

    def note(state: StoreState) -> None:
        assert state.read < state.stored
        damaged.extend((*state.written_again, *state.damaged))

    for _ in range(4):
        with open_storage(node) as storage:
            take_backup(storage, store_at(node, place), note)
    assert last.name in damaged


def unreadable(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The disk does not read these any more."""
    opened = os.open

    def failing(path: Any, *arguments: Any, **named: Any) -> int:
        if Path(path).name in names and not arguments[0] & os.O_WRONLY:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(os, "open", failing)


def test_a_bad_sector_costs_a_piece_and_no_later_backup(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    files = {file.path: file.pieces[0] for file in store.files(store.manifest()) if file.pieces}
    piece, lost = files["models/lung/weights.bin"], files["hanging-protocols.json"]
    layouts = node.data_dir / "hanging-protocols.json"
    before = layouts.read_text()
    layouts.write_text('{"protocols": ["other"]}')
    found: list[StoreState] = []
    with open_storage(node) as storage:
        with monkeypatch.context() as disk:
            unreadable(disk, piece, lost)
            take_backup(storage, store_at(node, place), found.append)
        assert (found[0].written_again, found[0].damaged) == ((piece,), (lost,))
        # The operator restores the file: what is known to be damaged is not taken for its copy.
        layouts.write_text(before)
        monkeypatch.setattr(piece_check, "LEAST_PIECES", 0)
        monkeypatch.setattr(piece_check, "LEAST_SHARE", 1 << 30)
        with monkeypatch.context() as disk:
            # The other one was written to another place of the disk.
            unreadable(disk, lost)
            take_backup(storage, store_at(node, place), found.append)
        assert (found[1].written_again, found[1].damaged) == ((lost,), ())
    store = store_at(node, place)
    assert list(verify_backup(store, store.manifest())) == []
    assert not list((place / "damaged").iterdir())


def test_a_place_that_does_not_answer_is_no_damage(
    node: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    unreadable(monkeypatch, pieces(place)[0].name, "mediview-backup.json")
    with (
        open_storage(node) as storage,
        pytest.raises(StorageUnavailable, match=f"folder of backups {place} does not work: Input"),
    ):
        take_backup(storage, store)
    assert not (place / "damaged").exists()


def test_a_backup_that_does_not_end_has_checked_its_share(
    node: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(node, place)
    store = store_at(node, place)
    files = {file.path: file.pieces[0] for file in store.files(store.manifest()) if file.pieces}
    lost = files["hanging-protocols.json"]
    flip_bit(next(piece for piece in pieces(place) if piece.name == lost))
    (node.data_dir / "hanging-protocols.json").write_text('{"protocols": ["other"]}')
    with open_storage(node) as storage:
        with monkeypatch.context() as cut:
            cut.setattr("storage.backup.taking.take_snapshot", killed)
            with pytest.raises(KeyboardInterrupt):
                take_backup(storage, store_at(node, place))
        store = store_at(node, place)
        assert store.checked_to()
        monkeypatch.setattr(piece_check, "LEAST_PIECES", 0)
        monkeypatch.setattr(piece_check, "LEAST_SHARE", 1 << 30)
        found: list[StoreState] = []
        take_backup(storage, store, found.append)
        # The next names it, though it reads others, and so does each until its backups are gone.
        assert found[0].damaged == (lost,)
        prune(store, 1)
        assert not store.distrusted


def test_what_the_node_lacks_is_named(node: Settings, place: Path) -> None:
    with open_storage(node) as storage:
        with reading(storage.engine) as connection:
            name = connection.execute(text("SELECT DISTINCT volume FROM instance")).scalar_one()
        (node.data_dir / "volumes" / name).unlink()
        manifest = take_backup(storage, store_at(node, place))
    assert any(name in sentence for sentence in manifest.missing)


def test_an_object_that_the_node_lacks_is_named_and_verify_says_so(
    node: Settings, place: Path
) -> None:
    with open_storage(node) as storage:
        with writing(storage.engine) as connection:
            connection.execute(
                text(
                    "UPDATE instance SET object_key = 'dicom/1/2/3.dcm'"
                    " WHERE id = (SELECT min(id) FROM instance)"
                )
            )
        store = store_at(node, place)
        manifest = take_backup(storage, store)
    (sentence,) = manifest.missing
    assert "dicom/1/2/3.dcm" in sentence
    (problem,) = verify_backup(store, store.manifest())
    assert "dicom/1/2/3.dcm" in problem.what

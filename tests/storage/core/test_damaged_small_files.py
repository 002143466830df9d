"""Small files of the data folder that the disk has changed: a sentence, never a stack trace."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from storage.audit.keys import audit_keys, key_file, rotate
from storage.core.data_folder import unfinished_restore
from storage.core.errors import StorageUnavailable
from storage.crypto.secret_files import load_secret
from storage.crypto.signing_key import SigningKey
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.settings import load_settings


@pytest.mark.parametrize("change", [lambda _: b"", lambda key: key[:15]])
def test_a_key_that_was_cut_off_signs_nothing(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "upload-signing.key"
    path.write_bytes(change(load_secret(path)))
    with pytest.raises(StorageUnavailable, match=r"signing\.key is damaged: it has \d+ b"):
        load_secret(path)


@pytest.mark.parametrize("length", [16, 33, 64])
def test_a_key_of_another_length_that_was_put_there_still_signs(
    tmp_path: Path, length: int
) -> None:
    path = tmp_path / "upload-signing.key"
    path.write_bytes(b"k" * length)
    assert load_secret(path) == b"k" * length
    (tmp_path / "signing.key").write_bytes(b"k" * length)
    with pytest.raises(StorageUnavailable, match=rf"it has {length} bytes instead of 32"):
        SigningKey(tmp_path).sign(b"")


def test_audit_keys_that_are_no_text_are_named(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    rotate(settings)
    path = key_file(settings)
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    for use in (audit_keys, rotate):
        with pytest.raises(StorageUnavailable, match=r"audit\.key, is damaged"):
            use(settings)


@pytest.mark.parametrize("content", [b"", b"\xff\xff"])
def test_a_damaged_mark_of_a_restore_still_stops_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / unfinished_restore.NAME).write_bytes(content)
    with pytest.raises(StorageUnavailable, match="has not ended") as stopped:
        unfinished_restore.check(tmp_path)
    assert bool(content) != (f"Empty {tmp_path} and the database" in str(stopped.value.remedy))


def test_a_damaged_note_of_the_server_lets_all_be_looked_at(
    postgres_engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "reconciled-with"
    path.write_bytes(b"\xff\x80")
    assert CrashRecovery(postgres_engine, tmp_path).run() == 0
    assert path.read_text("ascii").count("/") == 2

"""The keys that all hosts with disks of their own need to have, by digests in the database."""

import hashlib
import hmac
import stat
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, select

from storage import tables as t
from storage.core.errors import NotConfigured, StateConflict
from storage.crypto.secret_files import keep_secret, load_secret
from storage.db.engine import writing
from storage.volumes.durable_names import sync_name
from storage.volumes.files import translated_os_errors

_KEYS = ("sealing.key", "uid.key", "upload-signing.key", "signing.key")
"""What one host seals, signs or names another has to read, know and name again."""


def check_keys(connection: Connection, data_dir: Path, first: str) -> None:
    """In the transaction by which a host joins; the very first host makes them.

    `first`: the name of another host that was there before. Raises StateConflict,
    StorageUnavailable, StorageFull.
    """
    c = t.host_key.c
    wanted = {row.name: row.digest for row in connection.execute(select(c.name, c.digest))}
    if not wanted:
        if first:
            raise StateConflict(
                f"The first host of this database, {first}, was not started with"
                " MEDIVIEW_OWN_DISKS=true yet.",
                remedy="Start it so, and then this one.",
            )
        rows = [{"name": name, "digest": _digest(data_dir / name)} for name in _KEYS]
        connection.execute(insert(t.host_key), rows)
        return
    # None is made here: the hosts that there are, or were, have them.
    wrong = [
        name
        for name, digest in sorted(wanted.items())
        if not (data_dir / name).is_file()
        or not hmac.compare_digest(_digest(data_dir / name), digest)
    ]
    if wrong:
        raise StateConflict(
            "This data folder lacks keys by which the hosts of this database seal, sign and"
            f" name: {', '.join(wrong)}.",
            remedy=f"Copy them from another host, or a backup, into {data_dir}, readable by the"
            " node's user alone, and start again. Where they are lost everywhere:"
            " 'mediview hosts forget-keys'.",
        )


def take_keys(data_dir: Path, keys_dir: Path) -> None:
    """Copy those that the data folder lacks, which later starts find there.

    What it has is closed to others: earlier versions may have left a key open to them.
    Raises NotConfigured where the folder of keys has not all, StorageUnavailable, StorageFull.
    """
    with translated_os_errors(data_dir):
        missing = [name for name in _KEYS if not _is_there(data_dir / name)]
        for name in missing:
            try:
                key = (keys_dir / name).read_bytes()
            except FileNotFoundError:
                raise NotConfigured(
                    f"The folder of the hosts' keys, {keys_dir}, has no {name}.",
                    remedy=f"Put {', '.join(_KEYS)} there, the same for all hosts:"
                    " docs/operations.md, Several hosts.",
                ) from None
            keep_secret(data_dir / name, key)
            sync_name(data_dir / name)


def _is_there(path: Path) -> bool:
    """Raises OSError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return False
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        path.chmod(mode & stat.S_IRWXU)
    return True


def forget_keys(engine: Engine) -> None:
    """Let the host that starts next say which keys all need. Raises StorageUnavailable."""
    with writing(engine) as connection:
        connection.execute(delete(t.host_key))


def _digest(path: Path) -> str:
    return hashlib.sha256(b"mediview key of a host\0" + load_secret(path)).hexdigest()

"""Where the keys of the audit chain come from: a setting, or a file outside of the database.

The process that seals first makes the file, which is readable by the node's user alone. One key a
line, the one that seals first; those after it are known from former times. With
MEDIVIEW_AUDIT_KEY, which hosts without a common data folder share, the file verifies what was
sealed before.
"""

import os
import secrets
from pathlib import Path

from storage.audit.chain import Keys
from storage.audit.spool import private_file
from storage.core.errors import StorageUnavailable
from storage.settings import Settings
from storage.volumes.durable_names import put_in_place
from storage.volumes.files import translated_os_errors

_KEY_BYTES = 32


def key_file(settings: Settings) -> Path:
    return settings.data_dir / "audit.key"


def audit_keys(settings: Settings) -> Keys:
    """The keys that there are; none where nothing was sealed yet.

    Raises StorageUnavailable where the file cannot be read.
    """
    given = Keys.read(settings.audit_key.get_secret_value())
    return Keys(given.secrets + tuple(_lines(key_file(settings))))


def keys_to_seal(settings: Settings) -> Keys:
    """The same, with a new key where there is none. Raises StorageUnavailable, StorageFull."""
    known = audit_keys(settings)
    return known if known.secrets else rotate(settings)


def rotate(settings: Settings) -> Keys:
    """A new key before the others in the file; processes seal with it from their next start on."""
    path = key_file(settings)
    with translated_os_errors(settings.data_dir):
        lines = [secrets.token_hex(_KEY_BYTES).encode(), *_lines(path)]
        part = path.with_suffix(".part")
        with private_file(part) as file:
            file.write("".join(f"{line.decode()}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        put_in_place(part, path)
    return audit_keys(settings)


def _lines(path: Path) -> list[bytes]:
    with translated_os_errors(path.parent):
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise StorageUnavailable(
                f"The file of the audit keys, {path}, is damaged: it is not text.",
                remedy="Copy it back from a backup. Or move it away, and the node makes a new key:"
                " then nothing of before can be verified.",
            ) from error
    return [line.strip().encode() for line in text.splitlines() if line.strip()]

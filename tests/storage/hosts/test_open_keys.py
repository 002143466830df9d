"""Keys of hosts that earlier versions left readable by others."""

from pathlib import Path

from storage.hosts.keys import take_keys
from tests.storage.hosts.conftest import KEYS


def test_a_key_that_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys"
    data.mkdir()
    keys.mkdir()
    for name in KEYS:
        (keys / name).write_bytes(b"k" * 32)
    (data / KEYS[0]).write_bytes(b"o" * 32)
    (data / KEYS[0]).chmod(0o644)

    take_keys(data, keys)
    (data / KEYS[1]).chmod(0o640)
    take_keys(data, keys)

    assert (data / KEYS[0]).read_bytes() == b"o" * 32
    assert {(data / name).stat().st_mode & 0o777 for name in KEYS} == {0o600}

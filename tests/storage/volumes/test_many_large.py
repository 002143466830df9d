"""Many large instances at a time."""

from contextlib import ExitStack
from pathlib import Path

from storage.volumes.large_instance import LargeVolume

MIB = 1 << 20


def test_of_many_at_once_the_later_have_short_buffers_and_the_same_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * (5 * MIB // 256)
    with ExitStack() as ending:
        volumes = []
        for _ in range(12):
            volume = LargeVolume(tmp_path, source="test", origin="received", dataset_offset=0)
            ending.callback(volume.discard)
            volumes.append(volume)
        assert [one._filling.room > MIB for one in volumes] == 8 * [True] + 4 * [False]
        for one in (volumes[0], volumes[-1]):
            one.write(content)
            with one.part10() as part10:
                assert bytes(part10) == content
    # They were given back.
    last = LargeVolume(tmp_path, source="test", origin="received", dataset_offset=0)
    assert last._filling.room > MIB
    last.discard()

"""Harm to what lies on disk: volumes, and the index. The controller knows whom it hits."""

import os
from contextlib import suppress
from pathlib import Path

from storage.container import open_storage
from storage.core.errors import NotFound
from storage.volumes.scan import is_being_written, scan
from tests.chaos.faults import Fault, World


class OfBytes(Fault):
    """Damage at rest. Whom it hits is known, so that nobody else may be missing."""

    sign = "instances"
    harms_disk = True

    def targets(self, *, sealed: bool) -> dict[Path, list[tuple[str, int, int]]]:
        """Volume to UID, offset and length of acknowledged instances that lie in it whole."""
        found: dict[Path, list[tuple[str, int, int]]] = {}
        with open_storage(self.world.parts.settings) as storage:
            for uid in self.world.ledger.wanted():
                with suppress(NotFound):
                    place = storage.index.instance(uid).location
                    path = self.world.parts.volumes / place.volume
                    end = place.offset + place.length
                    # What was cut off earlier may be given by the bucket meanwhile.
                    if uid not in self.world.ledger.harmed and _size_bytes(path) >= end:
                        found.setdefault(path, []).append((uid, place.offset, place.length))
        if sealed:
            found = {
                path: places
                for path, places in found.items()
                # What says that something was deleted must not go: it is in no other place.
                if not is_being_written(path)
                and all(record.note.kind == "instance" for record in scan(path))
            }
        return found

    def harm(self, uids: set[str]) -> None:
        self.world.ledger.write("harmed", uids=sorted(uids), by=self.name)
        self.world.ledger.harmed |= uids


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class FlippedBits(OfBytes):
    name = "flipped bits in volumes"

    def inject(self) -> None:
        places = [(p, *one) for p, all_ in self.targets(sealed=False).items() for one in all_]
        for path, uid, offset, length in self.rng.sample(places, min(3, len(places))):
            # In the pixels, which fill the last 9,800 bytes.
            position = offset + length - self.rng.randint(1, 9000)
            with path.open("r+b", buffering=0) as file:
                file.seek(position)
                byte = file.read(1)[0]
                file.seek(position)
                file.write(bytes([byte ^ (1 << self.rng.randrange(8))]))
            self.harm({uid})


class LostVolume(OfBytes):
    name = "volume deleted"

    def inject(self) -> None:
        found = self.targets(sealed=True)
        if found:
            path = self.rng.choice(sorted(found))
            self.harm({uid for uid, _, _ in found[path]})
            path.unlink()


class CutVolume(OfBytes):
    name = "volume cut off"

    def inject(self) -> None:
        found = self.targets(sealed=True)
        if found:
            path = self.rng.choice(sorted(found))
            end = self.rng.randrange(path.stat().st_size)
            self.harm({uid for uid, offset, length in found[path] if offset + length > end})
            os.truncate(path, end)


class GarbledIndex(Fault):
    """SQLite's file is overwritten while the node stands still; `storage repair` puts it right."""

    name = "index garbled, then repaired"
    sign = "doctor"
    harms_disk = True

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.server is None

    def inject(self) -> None:
        parts = self.world.parts
        parts.stop()
        index = parts.settings.data_dir / "index.sqlite3"
        with index.open("r+b") as file:
            file.write(self.rng.randbytes(8192))
        doctor = parts.command("doctor")
        assert "mediview storage repair" in doctor.stdout, doctor.stdout
        assert "Traceback" not in doctor.stdout + doctor.stderr
        answer = parts.command("storage", "repair", "--yes")
        assert "Traceback" not in answer.stderr, answer.stderr
        assert "The old files are kept" in answer.stdout, answer.stdout + answer.stderr
        # Known to be in no volume, and said to be lost.
        assert "peers" in answer.stdout
        self.world.ledger.write("index_lost")
        self.world.ledger.peers.clear()

    def heal(self) -> None:
        self.world.parts.restart_ended()

"""Series that a pipeline takes, sent slice by slice to whichever host answers."""

import json
import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from storage.core.uids import derive_uid
from tests import builders
from tests.chaos.ledger import Ledger
from tests.dicom_node.builders import data_set_bytes, encoded
from tests.faults.pushing import Sent
from tests.faults.raw_peer import RawPeer, Rejected, context
from tests.inference.plain_models import torchscript_model

PIPELINE = "model-plain-spleen"
SLICES = 8
_SHAPE = (SLICES, 24, 32)
_EVERY_S = 12.0
_RETRY_S = 0.2


def small_model(folder: Path) -> Path:
    """A network that finds what is bright on MR, small enough that its job takes a second.

    Its card takes only whole slices of a millimetre, so that nothing is resampled.
    """
    torchscript_model(folder, intensity={"values": [0, 1000]}, tile=[32, 32, 32])
    card = json.loads((folder / "mediview.json").read_text())
    card["model"]["spacing_mm"] = [1.0, 1.0, 2.0]
    (folder / "mediview.json").write_text(json.dumps(card))
    return folder


@dataclass(frozen=True)
class Scan:
    """One series in a study of its own, of a patient of its own."""

    study_instance_uid: str
    series_instance_uid: str
    slices: Sequence[Sent]

    @classmethod
    def make(cls, seed: int) -> "Scan":
        voxels = np.random.default_rng(seed).integers(20, 60, _SHAPE, dtype=np.int16)
        voxels[1:-1, 6:16, 8:20] += 900
        study, series = derive_uid("scan", str(seed)), derive_uid("scan series", str(seed))
        made = builders.series(
            voxels,
            spacing_mm=(2.0, 1.0, 1.0),
            seed=seed,
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            PatientID=f"SCAN-{seed}",
        )
        return cls(
            study,
            series,
            [Sent(str(one.SOPInstanceUID), data_set_bytes(encoded(one))) for one in made],
        )


class Scans:
    """A series every twelve seconds while faults come and go.

    What a host does not take goes to another one, as from a modality that has several addresses,
    so that the slices of a series may lie on the disks of several hosts.
    """

    def __init__(self, ports: Sequence[int], ledger: Ledger, rng: random.Random) -> None:
        self._ports, self._ledger, self._rng = ports, ledger, rng
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scans", daemon=True)
        self.sent: list[Scan] = []
        """Of which every slice was acknowledged."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin no further series."""
        self._stopped.set()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.is_set():
            scan = Scan.make(self._rng.randrange(1 << 48))
            waiting = list(scan.slices)
            self._ledger.unanswered |= {one.sop_instance_uid for one in waiting}
            while waiting:
                with suppress(OSError, Rejected):
                    self._send(scan, waiting)
                if waiting:
                    threading.Event().wait(_RETRY_S)
            self.sent.append(scan)
            self._stopped.wait(_EVERY_S)

    def _send(self, scan: Scan, waiting: list[Sent]) -> None:
        """Until a slice is refused or the host is gone; what was acknowledged leaves `waiting`."""
        with RawPeer(self._rng.choice(self._ports)) as peer:
            peer.associate([context(1, MRImageStorage, [ExplicitVRLittleEndian])], calling=b"MR")
            while waiting:
                one = waiting[0]
                if peer.store(one.sop_instance_uid, one.data_set, sop_class_uid=MRImageStorage):
                    return
                study, series = scan.study_instance_uid, scan.series_instance_uid
                self._ledger.stored(one, study, series, "scan")
                waiting.pop(0)
            peer.release()

"""Instances as a rule of routing lets them leave: with other attributes, in another syntax.

What is made is kept in a folder until the batch is over, since a destination opens an instance
more than once: to send it, and to compare what it holds.
"""

import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from pydicom.uid import UID

from inference.deliveries.coercion import coerced
from inference.deliveries.storage_commitment_check import Sending
from inference.rules.sending import TRANSFER_SYNTAXES, SendingTerms
from storage.core.entities import Delivery, Instance
from storage.core.errors import InvalidInstance, LimitExceeded, MediViewError
from storage.core.sources import senders_of
from storage.dicom.file_meta import FILE_META_MAX_BYTES, read_file_meta
from storage.dicom.value_errors import UNREADABLE
from storage.integrity.instance_reader import InstanceReader
from storage.pixels.processes import budget, run
from storage.processes.limited import TaskFailed

# The whole instance is in memory meanwhile, pixels and all.
_MAX_BYTES = 128 << 20
_SPOOL_BYTES = 1 << 30
_PORTION_BYTES = 256 << 20
_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in ("50", "51", "81", "91", "203"))
"""JPEG Baseline and Extended, JPEG-LS Near-lossless, JPEG 2000, HTJ2K (PS3.6 A)."""


@dataclass(frozen=True)
class _Written:
    """Where the transcoded file lies; None where the instance leaves in the syntax that it has."""

    path: Path | None
    why_not: str = ""


class Leaving:
    """Of one batch of deliveries of one rule; to be used in a `with` block."""

    def __init__(
        self,
        instances: InstanceReader,
        rule: SendingTerms | None,
        deliveries: Mapping[str, Delivery],
        ae_title: str,
        folder: Path,
    ) -> None:
        """`deliveries`: by SOP Instance UID. `folder`: below which files may be made."""
        self._instances = instances
        self._rule = rule
        self._deliveries = deliveries
        self._ae_title = ae_title
        self._below = folder
        self._spool: tempfile.TemporaryDirectory[str] | None = None
        self._spooled_bytes = 0
        self._written: dict[str, _Written] = {}
        self._stored: dict[str, Instance] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._forget()

    @property
    def transcodes(self) -> bool:
        return self._rule is not None and self._rule.transfer_syntax is not None

    def reader(self) -> InstanceReader:
        if self._rule is None or not (self._rule.coerces or self.transcodes):
            return self._instances
        return self._instances.leaving_as(self._made, self._as_stored)

    def portions(self, sendings: Sequence[Sending]) -> Iterator[list[Sending]]:
        """As many at once as are written otherwise and kept; all, where none is."""
        portion: list[Sending] = []
        size_bytes = 0
        for sending in sendings:
            portion.append(sending)
            size_bytes += sending.instance.size_bytes if self.transcodes else 0
            if size_bytes > _PORTION_BYTES:
                yield portion
                portion, size_bytes = [], 0
                self._forget()
        if portion:
            yield portion

    def prepared(self, instance: Instance) -> tuple[Instance, str]:
        """The instance with the syntax in which it leaves, and why that is not the rule's.

        The reason is empty where it is, and where there are no pixels to be written otherwise.
        """
        if self._rule is None or self._rule.transfer_syntax is None:
            return instance, ""
        try:
            file = self._instances.open(instance)
        except MediViewError:
            # The sending of it says so.
            return instance, ""
        with file:
            found = self._transcoded(instance, file)
        if found.path is None:
            return instance, found.why_not
        self._stored[instance.sop_instance_uid] = instance
        target = TRANSFER_SYNTAXES[self._rule.transfer_syntax]
        return replace(instance, transfer_syntax_uid=target), ""

    def _as_stored(self, instance: Instance) -> Instance:
        return self._stored.get(instance.sop_instance_uid, instance)

    def _made(self, instance: Instance, file: BinaryIO) -> BinaryIO:
        if self.transcodes:
            found = self._transcoded(instance, file)
            if found.path is not None:
                return found.path.open("rb")
        return self._coerced(instance, file)

    def _coerced(self, instance: Instance, file: BinaryIO) -> BinaryIO:
        delivery = self._deliveries.get(instance.sop_instance_uid)
        if self._rule is None or not self._rule.coerces or delivery is None:
            return file
        try:
            return coerced(
                file,
                self._rule,
                source=next(iter(senders_of([instance])), ""),
                node=self._ae_title,
                decided_at=delivery.created_at,
            )
        except UNREADABLE as error:
            raise InvalidInstance(
                f"The instance {instance.sop_instance_uid} cannot be written with the attributes"
                " that the rule sets.",
                remedy="Send it by a rule that changes none.",
            ) from error

    def _transcoded(self, instance: Instance, file: BinaryIO) -> _Written:
        known = self._written.get(instance.sop_instance_uid)
        if known is None:
            known = self._write(instance, file)
            self._written[instance.sop_instance_uid] = known
        return known

    def _write(self, instance: Instance, file: BinaryIO) -> _Written:
        """Transcode it into the spool."""
        if self._rule is None or self._rule.transfer_syntax is None or not instance.rows:
            return _Written(None)
        target = UID(TRANSFER_SYNTAXES[self._rule.transfer_syntax])
        file.seek(0)
        stored = UID(read_file_meta(file.read(FILE_META_MAX_BYTES)).transfer_syntax_uid)
        if stored == target:
            return _Written(None)
        if stored in _LOSSY and target.is_encapsulated:
            return _Written(
                None, f"It leaves as it is stored, in {stored.name}, which has lost detail already."
            )
        file.seek(0)
        values, body = self._encoded(instance, self._coerced(instance, file), target)
        if "failed" in values:
            return _Written(
                None, f"It leaves as it is stored, in {stored.name}: {values['failed']}."
            )
        return _Written(self._keep(bytes(body)))

    def _encoded(
        self, instance: Instance, file: BinaryIO, target: UID
    ) -> tuple[dict[str, Any], bytes | bytearray]:
        cells = (instance.rows or 0) * (instance.columns or 0)
        frames = max(1, instance.number_of_frames or 1)
        if max(instance.size_bytes, cells * frames) > _MAX_BYTES:
            return {"failed": f"it has more than {_MAX_BYTES >> 20} MiB"}, b""
        try:
            budget().check_size(instance.columns or 1, instance.rows or 1)
            values, body = run(
                "storage.pixels.instance_transcoding:transcode",
                *(file.read(), str(target), None),
                answer_bytes=3 * _MAX_BYTES,
                pixels=2 * cells * frames,
            )
        except (TaskFailed, LimitExceeded):
            return {"failed": f"it cannot be written as {target.name}"}, b""
        if "failed" in values:
            return {"failed": f"it cannot be {values['failed']}"}, b""
        return values, body

    def _keep(self, file: bytes) -> Path:
        if self._spooled_bytes + len(file) > _SPOOL_BYTES:
            self._forget()
        if self._spool is None:
            self._spool = tempfile.TemporaryDirectory(prefix="leaving-", dir=self._below)
        path = Path(self._spool.name, uuid.uuid4().hex)
        path.write_bytes(file)
        self._spooled_bytes += len(file)
        return path

    def _forget(self) -> None:
        self._written.clear()
        self._spooled_bytes = 0
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.cleanup()

"""Whom stored objects name, remembered, since their bytes do not change."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from storage.core.entities import Instance
from storage.core.errors import StorageUnavailable
from storage.patient_identity.entities import PatientKey

_REMEMBERED = 10_000
_OUT_OF_REACH_S = 10.0


class StatedPatients:
    """Of this process. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stated: OrderedDict[tuple[str, str], PatientKey] = OrderedDict()
        self._unavailable_until_s = 0.0

    @property
    def is_out_of_reach(self) -> bool:
        """Whether reading failed a moment ago because the storage was out of reach."""
        return time.monotonic() < self._unavailable_until_s

    def known(self, instance: Instance) -> PatientKey | None:
        """Without a look at its bytes; None where these were not read yet."""
        with self._lock:
            return self._stated.get((instance.sop_instance_uid, instance.digest))

    def of(self, instance: Instance, read: Callable[[Instance], PatientKey]) -> PatientKey:
        """Raises what `read` raises."""
        stated = self.known(instance)
        if stated is None:
            try:
                stated = read(instance)
            except StorageUnavailable:
                self._unavailable_until_s = time.monotonic() + _OUT_OF_REACH_S
                raise
            self._unavailable_until_s = 0.0
            with self._lock:
                self._stated[instance.sop_instance_uid, instance.digest] = stated
                while len(self._stated) > _REMEMBERED:
                    self._stated.popitem(last=False)
        return stated

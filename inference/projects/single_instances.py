"""One instance de-identified for somebody who asks for it by itself (WADO-URI, `anonymize=yes`).

By the Basic Profile without options, as an export would: with the scan for what identifies the
study's patient, and refused where anything of it is left. Pseudonyms are the node's own: the same
for each request, so that instances of a series belong together, and unlike those of any project.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.deidentification.errors import OF_THE_INSTANCE, CannotDeidentify
from inference.deidentification.instances import Deidentified, StudyDeidentification
from inference.deidentification.profile import Profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.projects.headers import headers
from inference.projects.study_export import SOFTWARE
from storage.container.has import HasIndex, HasInstances, HasSettings
from storage.core.entities import Instance
from storage.crypto.derived_keys import derived_key

_PURPOSE = "wado-uri anonymize"
_PREFIX = "A"
# Of a series, viewers ask for one instance after the other.
_STUDIES_IN_MEMORY = 4
_INSTANCES_AT_MOST = 10_000
_HEADERS_WITHIN_S = 60.0
_INSTANCE_MAX_BYTES = 256 * 1024 * 1024
_EXPORT_INSTEAD = "Export it as a research project, which may take as long as it takes."


@dataclass(frozen=True)
class Scheme:
    """By which profile, and with which pseudonyms. `name`: unlike that of any other."""

    name: str
    profile: Profile
    pseudonyms: Pseudonyms


class SingleInstanceStorage(HasSettings, HasIndex, HasInstances, Protocol):
    """What of the storage layer single instances are de-identified from."""


class SingleInstances:
    """What is known of a few studies, so that not each request reads all their headers again.

    Safe for threads, which wait for each other: it is the processor that is busy.
    """

    def __init__(self, storage: SingleInstanceStorage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._studies: OrderedDict[str, StudyDeidentification] = OrderedDict()

    def deidentified(self, instance: Instance, scheme: Scheme | None = None) -> Deidentified:
        """Without `scheme` by the node's own, the Basic Profile.

        Raises CannotDeidentify with the reason, and never with a value; StorageUnavailable.
        """
        scheme = scheme or self._own()
        if instance.size_bytes > _INSTANCE_MAX_BYTES:
            raise CannotDeidentify(
                f"It has {instance.size_bytes} bytes; {_INSTANCE_MAX_BYTES} at most are"
                " de-identified at once.",
                remedy=_EXPORT_INSTEAD,
            )
        with self._lock:
            study = self._study(instance.study_instance_uid, scheme)
            try:
                return study.apply(self._storage.instances.read(instance))
            except CannotDeidentify:
                raise
            except OF_THE_INSTANCE as error:
                raise CannotDeidentify(error.message, remedy=error.remedy) from error

    def _own(self) -> Scheme:
        key = derived_key(self._storage.settings.data_dir, _PURPOSE)
        return Scheme("", Profile(), Pseudonyms(key, _PREFIX))

    def _study(self, study_instance_uid: str, scheme: Scheme) -> StudyDeidentification:
        """By all that the study holds now: what came since may name the patient otherwise."""
        instances = self._storage.index.instances_of(study_instance_uid)
        if len(instances) > _INSTANCES_AT_MOST:
            raise CannotDeidentify(
                f"Its study has {len(instances)} instances; the headers of {_INSTANCES_AT_MOST} at"
                " most are looked through for what identifies the patient.",
                remedy=_EXPORT_INSTEAD,
            )
        patient_key = self._storage.index.patient_key(study_instance_uid)
        corrected = self._storage.instances.of_one_moment().as_corrected(instances)
        key = f"{scheme.name} {_key(patient_key, corrected)}"
        found = self._studies.pop(key, None)
        if found is None:
            found = self._read(study_instance_uid, patient_key, instances, scheme)
        self._studies[key] = found
        while len(self._studies) > _STUDIES_IN_MEMORY:
            self._studies.popitem(last=False)
        return found

    def _read(
        self,
        study_instance_uid: str,
        patient_key: str,
        instances: list[Instance],
        scheme: Scheme,
    ) -> StudyDeidentification:
        begun = time.monotonic()

        def go_on() -> None:
            if time.monotonic() - begun > _HEADERS_WITHIN_S:
                raise CannotDeidentify(
                    f"The headers of its study were not read within {_HEADERS_WITHIN_S:g} s.",
                    remedy=_EXPORT_INSTEAD,
                )

        return StudyDeidentification(
            scheme.profile,
            scheme.pseudonyms,
            # Patients without an ID are not one patient.
            patient_key or f"study:{study_instance_uid}",
            headers(self._storage.instances, instances, go_on),
            SOFTWARE,
        )


def _key(patient_key: str, instances: Sequence[Instance]) -> str:
    content = (f"{one.sop_instance_uid} {one.digest} {one.patient_digest}" for one in instances)
    return hashlib.sha256("\n".join([patient_key, *content]).encode()).hexdigest()

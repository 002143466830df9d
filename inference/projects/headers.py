"""What is known of whom the instances of a study identify."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from pydicom.dataset import Dataset

from storage.core.entities import Instance
from storage.dicom.value_errors import DAMAGED
from storage.integrity.instance_reader import InstanceReader
from storage.patient_identity.outgoing import correct


def headers(
    reader: InstanceReader, instances: list[Instance], before_each: Callable[[], None]
) -> Iterator[Dataset]:
    """As they came, for that is what leaves de-identified, and their patient as corrected."""
    of_one_moment = reader.of_one_moment()
    patients = set()
    for instance in instances:
        before_each()
        patients.add(of_one_moment.corrected_patient(instance))
        try:
            yield reader.header(replace(instance, patient_digest=""))
        except DAMAGED:
            # It is refused by name when its turn comes.
            continue
    for patient in patients:
        if patient is not None:
            corrected = Dataset()
            correct(corrected, patient)
            yield corrected

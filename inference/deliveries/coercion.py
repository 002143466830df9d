"""Attributes that a rule of routing changes on the way; what is stored stays as it came.

The values of before stand in an item of the Original Attributes Sequence (PS3.3 C.12.1.1.9).
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DatasetSequence

from inference.rules.sending import EMPTIED, SendingTerms
from storage.patient_identity.outgoing import take_letters, with_change

_MODIFYING_SYSTEM = "MediViewAI"
_SYSTEM_CHARACTERS = 64


def coerced(
    file: BinaryIO, rule: SendingTerms, *, source: str, node: str, decided_at: datetime
) -> BinaryIO:
    """A part 10 file as the rule wants it, as a seekable stream.

    `source`: who sent the instance here; empty where nobody is known. `node`: this node's AE
    title. `decided_at`: when the rule was applied, which is the same for each sending of an
    instance, so that what a destination holds can be compared.
    """

    def change(dataset: Dataset) -> None:
        coerce(dataset, rule.set, rule.remove, source, f"{_MODIFYING_SYSTEM} {node}", decided_at)

    return with_change(file, change)


def coerce(
    dataset: Dataset,
    new: Mapping[str, str],
    removed: Sequence[str],
    source: str,
    system: str,
    decided_at: datetime,
) -> None:
    """Nothing is noted where nothing becomes otherwise."""
    changed = [
        *((keyword, text) for keyword, text in new.items() if dataset.get(keyword) != text),
        *((keyword, None) for keyword in removed if _has(dataset, keyword)),
    ]
    if not changed:
        return
    take_letters(dataset, list(new.values()))
    former = Dataset()
    for keyword, text in changed:
        if keyword in dataset:
            # Setting a value changes the element itself.
            former[keyword] = copy.deepcopy(dataset[keyword])
        else:
            setattr(former, keyword, None)
        if text is None and keyword not in EMPTIED:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, text)
    if "PatientID" in dataset and "IssuerOfPatientID" in former:
        # Of which patient ID the issuer was (C.12.1.1.9).
        former["PatientID"] = dataset["PatientID"]
    item = Dataset()
    item.SourceOfPreviousValues = source[:_SYSTEM_CHARACTERS]
    item.AttributeModificationDateTime = decided_at.astimezone().strftime("%Y%m%d%H%M%S.%f%z")
    item.ModifyingSystem = system[:_SYSTEM_CHARACTERS]
    item.ReasonForTheAttributeModification = "COERCE"
    item.ModifiedAttributesSequence = [former]
    before = dataset.get("OriginalAttributesSequence")
    kept = list(before) if isinstance(before, DatasetSequence) else []
    dataset.OriginalAttributesSequence = DatasetSequence([*kept, item])


def _has(dataset: Dataset, keyword: str) -> bool:
    """Whether there is something to remove: one that is emptied may be so already."""
    return keyword in dataset and (keyword not in EMPTIED or bool(dataset.get(keyword)))

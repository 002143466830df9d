"""Whether what a container wrote is of the patient and study that it was given."""

from pathlib import Path

from pydicom.dataset import Dataset

from inference.refusals import ModelUnusable
from storage.core.text.outside_text import shown_file_name
from storage.core.text.text_folding import folded_name


def check_belongs(path: Path, dataset: Dataset, source: Dataset) -> None:
    """Raises ModelUnusable naming the file where it is of another study or patient."""
    of_study = _text_of(dataset, "StudyInstanceUID") != _text_of(source, "StudyInstanceUID")
    if of_study or not _is_same_patient(dataset, source):
        raise ModelUnusable(
            f"{shown_file_name(path.name)} of the container is of another"
            f" {'study' if of_study else 'patient'} than the series that it was given.",
            remedy="Ask who made the image; nothing of this run was kept.",
        )


def _is_same_patient(dataset: Dataset, source: Dataset) -> bool:
    """The ID must be stated; what else is stated of the person must agree."""
    if _text_of(dataset, "PatientID") != _text_of(source, "PatientID"):
        return False
    others = [
        (_text_of(dataset, keyword), _text_of(source, keyword))
        for keyword in ("PatientBirthDate", "IssuerOfPatientID")
    ]
    others.append((_family_and_given(dataset), _family_and_given(source)))
    return all(not stated or not known or stated == known for stated, known in others)


def _text_of(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip(" \0")


def _family_and_given(dataset: Dataset) -> str:
    """Of the name in Latin letters: prefixes, suffixes, other scripts and case come and go.

    Empty where a letter could not be written.
    """
    latin = folded_name(_text_of(dataset, "PatientName").partition("=")[0])
    name = "^".join(latin.split("^")[:2]).rstrip("^")
    return "" if {"?", "\ufffd"}.intersection(name) else name

"""Ten thousand identifiers are planted wherever senders put them, and none of them leaves."""

import io
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.instances import StudyDeidentification
from inference.deidentification.profile import read_profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.language.documents.reading import read_text_of_pdf
from tests.inference.deidentification.planting import (
    Planter,
    document,
    image,
    presentation,
    report,
)

CLEANING = ["clean-descriptors", "clean-structured-content", "clean-graphics"]
OPTIONS = [
    [],
    CLEANING,
    [*CLEANING, "retain-safe-private", "retain-patient-characteristics"],
]
KINDS: list[Callable[[Planter], Dataset]] = [image, report, presentation, document]
PLANTED = 10_000

# Planted values are longer than their VR allows, as senders write them.
pytestmark = pytest.mark.filterwarnings("ignore:The value length")


def part10(dataset: Dataset, transfer_syntax_uid: str = "") -> bytes:
    if transfer_syntax_uid:
        dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    buffer = DicomBytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def header(data: bytes) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)


def study(data: bytes, options: list[str]) -> StudyDeidentification:
    return StudyDeidentification(
        read_profile(options), Pseudonyms(b"k" * 32), "somebody", [header(data)], "Node 1"
    )


def everything_in(data: bytes, name: str) -> str:
    """All that a reader of the file may come to see, by other means than the node's own scan."""
    texts = [name, data.decode("latin-1"), data.decode("utf-16-le", "ignore")]
    dataset = pydicom.dcmread(io.BytesIO(data))
    texts += [str(one) for one in dataset.iterall()]
    if "EncapsulatedDocument" in dataset:
        texts += read_text_of_pdf(dataset.EncapsulatedDocument)
    return "\n".join(texts).casefold()


@pytest.mark.slow
def test_none_of_ten_thousand_identifiers_leaves() -> None:
    planted = left = seed = 0
    while planted < PLANTED:
        make, options = KINDS[seed % len(KINDS)], OPTIONS[seed % len(OPTIONS)]
        planter = Planter(seed)
        data = part10(make(planter), ImplicitVRLittleEndian if seed % 5 == 0 else "")
        found = study(data, options).apply(data)
        text = everything_in(found.part10, found.name)
        assert [one for one in planter.planted if one.casefold() in text] == []
        planted += len(planter.planted)
        left += 1
        seed += 1
    assert left == seed


def test_dcmtk_reads_what_leaves_and_finds_nothing(tmp_path: Path) -> None:
    for seed, make in enumerate(KINDS):
        planter = Planter(seed)
        data = part10(make(planter), DeflatedExplicitVRLittleEndian if seed == 0 else "")
        found = study(data, CLEANING).apply(data)
        path = tmp_path / "instance.dcm"
        path.write_bytes(found.part10)
        dump = subprocess.run(
            ["dcmdump", "+L", str(path)],
            capture_output=True,
            text=True,
            check=True,
            errors="replace",
        ).stdout
        assert [one for one in planter.planted if one in dump] == []
        assert "YES" in dump.split("PatientIdentityRemoved")[0].splitlines()[-1]


def test_what_another_anonymizer_removes_is_removed_here_too() -> None:
    from dicomanonymizer.simpledicomanonymizer import anonymize_dataset, initialize_actions

    data = part10(image(Planter(1)))
    ours = pydicom.dcmread(io.BytesIO(study(data, []).apply(data).part10))
    original, theirs = (pydicom.dcmread(io.BytesIO(data)) for _ in range(2))
    anonymize_dataset(theirs, base_rules_gen=lambda: initialize_actions("dicomfields_2026c"))
    kept = {one.tag for one in ours if one.tag in original and original[one.tag] == one}
    kept_by_other = {one.tag for one in theirs if original.get(one.tag) == one}
    assert kept <= kept_by_other
    assert {"PatientName", "StudyDate"}.isdisjoint(one.keyword for one in ours if one.tag in kept)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_name_that_hides_where_nobody_looks_keeps_the_instance_here(options: list[str]) -> None:
    """The maker's name is a plain attribute, which the profile lets pass."""
    planter = Planter(7)
    dataset = image(planter)
    family = str(dataset.PatientName).split("^")[0]
    dataset.Manufacturer = f"Scanner of {family.upper()}"
    data = part10(dataset)
    with pytest.raises(CannotDeidentify) as refused:
        study(data, options).apply(data)
    assert "(0008,0070) Manufacturer contains a name" in refused.value.message
    assert family.casefold() not in refused.value.message.casefold()

"""Patient and study go over into results exactly, in whatever character set."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from inference.imaging.volume import assemble_volume
from inference.results.encode import encode_results
from storage.dicom.dataset_reader import read_part10
from tests import builders
from tests.inference.results_support import (
    PIPELINE,
    complaints,
    encode,
    job_for,
    output_of,
    result,
    save,
)
from tests.names import NAMES, EncodedName, by_dcmtk, named_file

SHAPE = (4, 5, 6)
IDENTITY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip


def _results(**attributes: object) -> list[Dataset]:
    datasets = builders.series(np.zeros(SHAPE, np.int16), **attributes)
    results = encode(datasets, builders.asymmetric_mask(SHAPE))
    return [result(results, "SEG"), result(results, "SR")]


def test_identity_is_that_of_the_source() -> None:
    source = builders.series(np.zeros(SHAPE, np.int16))[0]
    for dataset in _results(IssuerOfPatientID="HOSP", StudyDescription="Kopf nativ"):
        assert [dataset[keyword].value for keyword in IDENTITY] == [
            source[keyword].value for keyword in IDENTITY
        ]
        assert (dataset.IssuerOfPatientID, dataset.StudyDescription) == ("HOSP", "Kopf nativ")
        assert dataset.SpecificCharacterSet == "ISO_IR 192"


def test_empty_stays_empty_and_absent_becomes_empty(tmp_path: Path) -> None:
    datasets = builders.series(np.zeros(SHAPE, np.int16), PatientBirthDate="", PatientSex=None)
    for dataset in datasets:
        del dataset.AccessionNumber, dataset.ReferringPhysicianName, dataset.StudyTime
    results = encode(datasets, builders.asymmetric_mask(SHAPE))
    for kind in ("SEG", "SR"):
        path = save(result(results, kind), tmp_path / f"{kind}.dcm")
        read = pydicom.dcmread(path)
        for keyword in (
            "PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName",
            "StudyTime",
        ):  # fmt: skip
            assert keyword in read
            assert read[keyword].is_empty
        assert complaints(path) == []


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom on odd names and values
def test_names_in_every_character_set_survive(shared_data: Path, tmp_path: Path) -> None:
    paths = sorted((shared_data / "charsets").glob("*.dcm"))
    assert len(paths) == 17
    for path in paths:
        named = pydicom.dcmread(path, stop_before_pixels=True)
        datasets = builders.series(np.zeros(SHAPE, np.int16))
        for dataset in datasets:
            dataset.pop("SpecificCharacterSet", None)
            if "SpecificCharacterSet" in named:
                dataset.SpecificCharacterSet = named.SpecificCharacterSet
            dataset.PatientName = named.get("PatientName", "")
            dataset.StudyDescription = named.get("StudyDescription", "")
            dataset.ReferringPhysicianName = ""
        folder = tmp_path / path.stem
        sources = [pydicom.dcmread(file) for file in builders.write(datasets, folder)]
        results = encode(sources, builders.asymmetric_mask(SHAPE))
        for kind in ("SEG", "SR"):
            read = pydicom.dcmread(save(result(results, kind), folder / f"{kind}.dcm"))
            assert read.PatientName == sources[0].PatientName, path.name
            assert read.PatientName.original_string == sources[0].PatientName.original_string
            assert read.get("StudyDescription") == sources[0].get("StudyDescription")
            set_of_source = sources[0].get("SpecificCharacterSet")
            # Code extensions are left behind: every reader decodes UTF-8 alike.
            extended = isinstance(set_of_source, MultiValue) and not str(read.PatientName).isascii()
            assert read.get("SpecificCharacterSet") == ("ISO_IR 192" if extended else set_of_source)


@pytest.mark.parametrize("name", NAMES, ids=lambda one: f"{one.character_set}-{one.text}")
def test_dcmtk_reads_the_names_of_results_as_they_are(name: EncodedName, tmp_path: Path) -> None:
    encoded = read_part10(BytesIO(named_file(name.character_set, name=name.value)))
    datasets = builders.series(np.zeros(SHAPE, np.int16))
    for dataset in datasets:
        dataset.SpecificCharacterSet = encoded.SpecificCharacterSet
        dataset.PatientName = encoded.PatientName
    results = encode(datasets, builders.asymmetric_mask(SHAPE))
    for kind in ("SEG", "SR"):
        path = save(result(results, kind), tmp_path / f"{kind}.dcm")
        assert by_dcmtk(path)["00100010"] == name.text


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_values_against_the_standard_are_left_out_unless_they_identify(tmp_path: Path) -> None:
    for kind, dataset in zip(
        ("SEG", "SR"),
        _results(PatientAge="42", PatientWeight="75", PregnancyStatus=4),
        strict=True,
    ):
        assert "PatientAge" not in dataset
        assert (dataset.PatientWeight, dataset.PregnancyStatus) == (75, 4)
        assert complaints(save(dataset, tmp_path / f"{kind}.dcm")) == []


def test_what_is_incomplete_in_the_source_makes_no_result_invalid(tmp_path: Path) -> None:
    code, nameless, homeless = Dataset(), Dataset(), Dataset()
    code.CodeValue = nameless.CodeValue = homeless.CodeValue = "1"
    code.CodingSchemeDesignator = nameless.CodingSchemeDesignator = "99X"
    code.CodeMeaning = homeless.CodeMeaning = "Something"
    unnamed_person = Dataset()
    unnamed_person.InstitutionName = "St. Elsewhere"
    faults: dict[str, object] = {
        "ReferencedStudySequence": [],
        "ReferencedPatientSequence": [Dataset()],
        "ProcedureCodeSequence": [code, nameless],
        "PhysiciansOfRecordIdentificationSequence": [unnamed_person],
        "IssuerOfAccessionNumberSequence": [Dataset()],
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethodCodeSequence": [homeless],
        "SmokingStatus": "SOMETIMES",
        "PregnancyStatus": 7,
        "ClinicalTrialProtocolID": "LUNG-1",
        "ClinicalTrialTimePointDescription": "Follow-up",
        "LossyImageCompression": "",
    }
    for kind, dataset in zip(
        ("SEG", "SR"), _results(AdmittingDiagnosesCodeSequence=[code], **faults), strict=True
    ):
        assert complaints(save(dataset, tmp_path / f"{kind}.dcm")) == []
        assert dataset.AdmittingDiagnosesCodeSequence[0].CodeMeaning == "Something"
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.DeidentificationMethod == "Not stated"
        assert not {"ProcedureCodeSequence", "SmokingStatus", "PregnancyStatus"} & set(
            dataset.dir()
        )
        assert dataset.ClinicalTrialTimePointDescription == "Follow-up"


def test_a_clinical_trial_is_completed_or_left_out() -> None:
    named = {"ClinicalTrialSponsorName": "S", "ClinicalTrialProtocolID": "P"}
    for dataset in _results(**named, ClinicalTrialSubjectID="7"):
        assert dataset.ClinicalTrialSubjectID == "7"
        assert dataset["ClinicalTrialSiteID"].is_empty
    for dataset in _results(**named):
        assert not any("ClinicalTrial" in keyword for keyword in dataset.dir())


@pytest.mark.parametrize("sex", ["U", "unknown"])
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_an_odd_sex_does_not_stop_a_result(sex: str) -> None:
    assert [dataset.PatientSex for dataset in _results(PatientSex=sex)] == [sex, sex]


def test_times_are_in_the_zone_that_the_source_states() -> None:
    for dataset in _results(TimezoneOffsetFromUTC="+0530"):
        assert dataset.TimezoneOffsetFromUTC == "+0530"
        assert (str(dataset.ContentDate), str(dataset.ContentTime)) == ("20260304", "180000")


@pytest.mark.parametrize("offset", ["+1400", "-1200"])
def test_a_zone_ahead_of_the_machine_stops_no_kind_of_result(offset: str) -> None:
    sources = builders.series(np.zeros(SHAPE, np.int16), TimezoneOffsetFromUTC=offset)
    volume = assemble_volume(sources)
    now = datetime.now(UTC)
    there = now + timedelta(hours=int(offset[:3]))
    kinds = {"SC", "PDF", "GSPS", "KOS", "RTSTRUCT", "LABELMAP", "STACK"}
    results = encode_results(
        job_for(volume, created_at=now),
        PIPELINE,
        sources,
        volume,
        output_of(volume, builders.asymmetric_mask(SHAPE)),
        extra_kinds=kinds,
    )
    assert {one.kind for one in results.objects} >= {"SEG", "SR", "SC", "STACK", "KOS"}
    for one in results.objects:
        assert one.dataset.TimezoneOffsetFromUTC == offset
        stated = f"{one.dataset.SeriesDate}{str(one.dataset.SeriesTime)[:4]}"
        assert stated == f"{there:%Y%m%d%H%M}", one.kind

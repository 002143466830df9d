"""Tables of an export, as a spreadsheet opens them."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import inference
from inference.deidentification.codes import is_known_code, is_known_unit
from inference.deidentification.instances import StudyDeidentification
from inference.deidentification.profile import read_profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.findings.standing import standing_finding
from inference.pipelines import box_findings, codes
from inference.pipelines.brain import structure_volumes
from inference.pipelines.single_images import reading, segmentation
from inference.projects.measurement_tables import _csv, measurement_rows, measurements_csv
from storage.core.caveats import Caveat
from storage.core.clock import utcnow
from storage.core.findings import Code, Finding, Validity
from tests.builders import series

VOLUME = Finding(
    finding_id="1",
    job_id="1",
    study_instance_uid="1.2.3",
    series_instance_uid="1.2.3.4",
    pipeline="brain-volume",
    pipeline_version="1.0.0",
    label="Brain volume",
    code=Code("118565006", "SCT", "Volume"),
    value=1234.5,
    unit=Code("cm3", "UCUM", "cubic centimeter"),
    confidence=None,
    tracking_identifier="brain",
    tracking_uid="2.25.7",
    segmentation=None,
    created_at=utcnow(),
)


def study(**attributes: object) -> StudyDeidentification:
    (header,) = series(np.zeros((1, 4, 4), np.int16), modality="MR", **attributes)
    return StudyDeidentification(read_profile([]), Pseudonyms(b"key"), "one", [header], "Node 1")


@pytest.mark.parametrize("text", ["=HYPERLINK(A1)", "+1", "-cmd", "@SUM(A1)"])
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    assert _csv([(text, -1.5)]).decode().strip() == f"'{text},-1.5"


def test_a_measurement_leaves_with_its_codes_and_the_pseudonyms_of_its_study() -> None:
    one = study()
    (row,) = measurement_rows([standing_finding(VOLUME)], one)
    assert row == (
        *(one.pseudonym, one.uid("1.2.3"), one.uid("1.2.3.4"), "brain-volume", "1.0.0"),
        *("Brain volume", "118565006", "SCT", 1234.5, "cm3", "", "", "", ""),
    )


def test_a_value_leaves_with_what_must_be_known_of_it_and_without_its_words() -> None:
    caveats = (
        Caveat("outside_population", "For Quernhammer, aged 95.", ("contrast agent", "age")),
        Caveat("streaks", "Metal."),
    )
    density = replace(
        VOLUME,
        label="Both lungs LAA-950",
        code=Code("LAA950", "99MEDIVIEW", "Share below -950 HU of lung below -500 HU"),
        validity=Validity("complete", caveats=caveats),
    )
    (row,) = measurement_rows([standing_finding(density)], study())
    assert row[5:8] == ("Both lungs LAA-950", "LAA950", "99MEDIVIEW")
    assert row[-1] == "outside_population (age, contrast agent); streaks"
    table = columns_of(measurements_csv([row]))
    assert table[-1] == ("caveats", row[-1])


def columns_of(table: bytes) -> list[tuple[str, object]]:
    names, values = csv.reader(table.decode().splitlines())
    return list(zip(names, values, strict=True))


@pytest.mark.parametrize(
    "code",
    [
        Code("QUERNHAMMER", "99MEDIVIEW", "Quernhammer"),
        Code("VOLUME", "99QUERNHAMMER", "Volume"),
        Code("Quernhammer", "SCT", "Volume"),
        Code("Q-4711", "99LOCAL", "Volume"),
        Code("12.03.1931", "LN", "Volume"),
    ],
)
def test_codes_of_nobody_s_scheme_are_left_out(code: Code) -> None:
    """Also where the study's headers do not have what they say."""
    (row,) = measurement_rows([standing_finding(replace(VOLUME, code=code))], study())
    assert row[6:9] == ("", "", 1234.5)


@pytest.mark.parametrize(
    "finding",
    [
        replace(VOLUME, unit=Code("{Quernhammer}", "UCUM", "")),
        replace(VOLUME, unit=Code("mm2026", "UCUM", "")),
        replace(VOLUME, pipeline="lung-quernhammer"),
        replace(VOLUME, pipeline_version="1-Q4711"),
        replace(VOLUME, code=Code("4711815", "SCT", "")),
    ],
)
def test_a_row_that_names_its_patient_does_not_leave(finding: Finding) -> None:
    known = study(PatientName="Quernhammer^Adalbert", PatientID="4711815", StudyID="Q4711")
    assert measurement_rows([standing_finding(finding)], known) == []


def test_a_label_has_no_name_of_the_study_that_is_a_word_of_medicine() -> None:
    (row,) = measurement_rows([standing_finding(VOLUME)], study(PatientName="Brain^Russell"))
    assert row[3:6] == ("brain-volume", "1.0.0", "volume")


def test_every_code_and_unit_of_the_node_s_own_pipelines_is_known() -> None:
    stated = [
        one
        for module in (box_findings, codes, structure_volumes, reading, segmentation)
        for one in vars(module).values()
        if isinstance(one, Code)
    ]
    sources = Path(inference.__file__).parent.rglob("*.py")
    own = [
        Code(value, "99MEDIVIEW", "")
        for source in sources
        for value in re.findall(r'Code\("([\w-]+)", "99MEDIVIEW"', source.read_text())
    ]
    assert {"LAA950", "ICV", "EXPOSEDSHARE"} <= {one.value for one in own}
    stated += own
    for one in stated:
        if one.scheme_designator == "UCUM":
            assert is_known_unit(one.value), one
        else:
            assert is_known_code(one.value, one.scheme_designator), one
    for unit in ("L", "mL", "[hnsf'U]", "{pixels}", "mg/L", "%/a", "/min", "10*9/L"):
        assert is_known_unit(unit), unit
    for value, scheme in (("T-62000", "SRT"), ("RID58", "RADLEX"), ("21889-1", "LN")):
        assert is_known_code(value, scheme), value

"""A site's own reference values: what the file may say, and how each mistake is named."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.server.checks.reference_values import check_reference_file
from inference.findings.normal_ranges import NormalRanges, site_references
from inference.normal_ranges.distribution import NormalDistribution
from inference.normal_ranges.reference import NotApplicable
from inference.normal_ranges.site_file import read_reference_values
from inference.normal_ranges.subject import Subject
from inference.pipelines.checks.reference_values import (
    check_reference_values,
    report_reference_values,
)
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.inference.orchestration import settings_in

HEADER = "label,unit,sex,age_from,age_to,low,high,mean,sd,l,m,s,source"
LEFT = "Left hippocampus volume"


def table(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "values.csv"
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return path


def mistakes(path: Path) -> str:
    with pytest.raises(InvalidRequest) as refused:
        read_reference_values(path)
    assert refused.value.remedy
    return refused.value.message


def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    path.write_bytes(
        "\ufeff# Our cohort of 2024\r\n"
        "label,unit,sex,age_from,age_to,mean,sd,source\r\n"
        'Left hippocampus volume,cm3,F,60,69,3.4,0.35,"Own cohort, 2024"\r\n'
        "\r\n,,,,,,,\r\n"
        'Left hippocampus volume,cm3,F,70,79,3.1,0.40,"Own cohort, 2024"\r\n'.encode()
    )
    sixties, seventies = read_reference_values(path)
    assert sixties.distribution == NormalDistribution(3.4, 0.35)
    assert seventies.source == "Own cohort, 2024"
    stated = seventies.range_for(Subject("F", 79.9), 2.9)
    # (2.9 - 3.1) / 0.4 = -0.5: the 30.9th percentile; 3.1 -+ 1.96 * 0.4.
    assert (stated.z_score, stated.percentile) == (-0.5, 30.9)
    assert (stated.low, stated.high) == (2.316, 3.884)
    assert stated.of_whom == "women, 70 to 79 years"


def test_the_same_as_json(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(
        '[\n\t{"label": "Spleen volume", "unit": "cm3", "l": 0, "m": 200, "s": 0.25,'
        ' "source": "A"},\n\t{"label": "Spleen volume", "unit": "cm3", "sex": "X", "low": 1,'
        ' "source": "A"}\n]'
    )
    assert mistakes(path) == f"{path}:3: sex is 'X': Input should be '', 'M' or 'F'."
    path.write_text(path.read_text().split(",\n")[0] + "\n]")
    (spleen,) = read_reference_values(path)
    # L = 0: the logarithm is normally distributed; 200 * exp(0.25) is one deviation above.
    assert spleen.range_for(Subject(), 256.805).z_score == 1.0


def test_an_end_in_whole_years_holds_until_the_birthday(tmp_path: Path) -> None:
    path = table(tmp_path, f"{LEFT},cm3,,40,49,1,2,,,,,,A", f"{LEFT},cm3,,50,59,3,4,,,,,,A")
    forties, fifties = read_reference_values(path)
    assert forties.range_for(Subject("", 49.99), 1.5).high == 2
    with pytest.raises(NotApplicable, match="for people of 49 years"):
        fifties.range_for(Subject("", 49.99), 1.5)
    assert fifties.range_for(Subject("", 50.0), 1.5).low == 3


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        (f'{LEFT},cm3,,,,"2,5",,,,,,,A', "low is '2,5', which is not a number; write a point"),
        (f"{LEFT},cm3,,,,3,2,,,,,,A", "Low is 3 and high is 2; exchange them."),
        (f"{LEFT},cm3,,,,,,3,0,,,,A", "sd is '0': Input should be greater than 0."),
        (f"{LEFT},cm3,,,,,,3,,,,,A", "Mean and sd stand together."),
        (f"{LEFT},cm3,,,,,,,,1,3,,A", "L, m and s stand together."),
        (f"{LEFT},cm3,,,,,,3,1,1,3,1,A", "States l, m and s as well as mean and sd"),
        (f"{LEFT},cm3,,,,,,,,,,,A", "States no values: give low or high"),
        (f"{LEFT},cm3,,40,,1,2,,,,,,A", "Age_from and age_to stand together"),
        (f"{LEFT},cm3,,60,50,1,2,,,,,,A", "Age_from is 60 and age_to is 50."),
        (f"{LEFT},cm3,m,,,1,2,,,,,,A", "sex is 'm': Input should be '', 'M' or 'F'."),
        (f"{LEFT},cm³,,,,1,2,,,,,,A", "unit is 'cm³'"),
        (f"{LEFT},cm3,,,,nan,2,,,,,,A", "low is 'nan': Input should be a finite number."),
        (f"{LEFT},cm3,,,,1,2,,,,,,", "source is missing."),
    ],
)
def test_a_mistake_is_named_with_file_line_and_value(
    tmp_path: Path, row: str, mistake: str
) -> None:
    path = table(tmp_path, "Spleen volume,cm3,,,,100,300,,,,,,A", row)
    assert mistakes(path).startswith(f"{path}:3: {mistake}")


def test_rows_that_hold_for_the_same_patient_contradict_each_other(tmp_path: Path) -> None:
    path = table(tmp_path, f"{LEFT},cm3,F,40,50,1,2,,,,,,A", f"{LEFT},cm3,,50,60,1,2,,,,,,A")
    assert mistakes(path) == (
        f"{path}:3: {LEFT}: holds for the same sex and age as line 2."
        " An end in whole years holds until the next birthday."
    )


@pytest.mark.parametrize(
    ("header", "mistake"),
    [
        ("label,unit,source,age_min", "there is no such column as 'age_min'."),
        ("label,unit,low", "a column is missing: 'source'."),
        ("label,unit,source,low,low", "a column stands there twice: 'low'."),
        ("label;unit;source;low", "there is no such column as 'label;unit;source;low'."),
    ],
)
def test_columns_are_checked(tmp_path: Path, header: str, mistake: str) -> None:
    path = table(tmp_path, header=header)
    assert mistakes(path) == f"{path}:1: {mistake}"


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    path.write_text("label,unit,low,source\nSpleen volume,cm3,1,5,A\n")
    assert mistakes(path) == f"{path}:2: 5 cells, and there are 4 columns."
    path.write_text('label,unit,low,source\n"Spleen volume,cm3,1,A\n')
    assert "no row of a CSV table" in mistakes(path)
    path.write_bytes("label,unit,source\nÄ".encode("latin-1"))
    assert mistakes(path) == f"{path} is not UTF-8 text: byte 18 cannot be read."
    path.write_text('[\n{"label": "A"}\n{"label": "B"}\n]')
    assert mistakes(path) == f"{path}:3: no JSON: A comma or ] is missing."
    path.write_text("[" * 5000)
    assert f"{path}:1: no JSON" in mistakes(path)
    path.write_text("")
    assert mistakes(path) == f"{path} holds no row."
    path.write_bytes(b" " * (4 * 1024 * 1024 + 1))
    assert mistakes(path) == f"{path} is larger than 4 MiB."
    path.write_text(HEADER + "\n" + "A,cm3,,,,1,2,,,,,,A\n" * 20_001)
    assert mistakes(path) == f"{path}:20002: more than 20,000 rows."


def test_the_start_refuses_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    def settings(path: Path) -> Settings:
        return settings_in(tmp_path, reference_values=path)

    assert check_reference_values(settings_in(tmp_path)).rows == 0
    with pytest.raises(InvalidRequest, match="cannot be read: No such file"):
        report_reference_values(settings(tmp_path / "none.csv"))


def test_a_row_for_a_pipeline_that_is_not_there_is_a_warning_with_its_line(
    tmp_path: Path,
) -> None:
    header = "pipeline,label,unit,low,source"
    path = table(
        tmp_path,
        "lung-density,Both lungs volume,L,3,A",
        "bundle-retired,Spleen volume,cm3,100,A",
        header=header,
    )
    settings = settings_in(tmp_path, reference_values=path)
    problem = (
        f"{path}:3: 'Spleen volume' is for the pipeline 'bundle-retired', which does not exist."
    )
    with capture_logs() as logs:
        report_reference_values(settings)
    assert [(one["event"], one["log_level"], one["detail"]) for one in logs] == [
        ("reference_values_unused", "warning", problem)
    ]
    (check,) = check_reference_file(settings)
    assert (check.state, check.detail) == ("note", f"{path}, 2 rows; 1 are never used. {problem}")
    assert "lung-density" in check.remedy


def test_a_misspelt_measurement_is_named_with_its_line_and_what_is_meant(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "brain-structures,Left hippocampus volume,cm3,3,A",
        "brain-structures,Left hipocampus volume,cm3,3,A",
        ",both lungs volume,L,3,A",
        "lung-density,Spleen volume,cm3,100,A",
        # Of a model that may be added, or of another label of one that is here.
        ",Spleen volume,cm3,100,A",
        header="pipeline,label,unit,low,source",
    )
    (check,) = check_reference_file(settings_in(tmp_path, reference_values=path))
    checked = check_reference_values(settings_in(tmp_path, reference_values=path))
    assert checked.unused == (
        f"{path}:3: 'Left hipocampus volume' is no measurement that is known; 'Left hippocampus"
        " volume' is one.",
        f"{path}:4: 'both lungs volume' is no measurement that is known; 'Both lungs volume' is"
        " one.",
        f"{path}:5: 'Spleen volume' is not measured by lung-density.",
    )
    assert check.state == "note"
    assert check.remedy.startswith("Name the measurement as the findings do")


def test_a_file_that_goes_wrong_later_fails_no_job(tmp_path: Path) -> None:
    site = site_references(settings_in(tmp_path, reference_values=tmp_path / "none.csv"))
    assert site.values == ()
    assert NormalRanges((), Subject(), site.problem).problem.startswith("The site's reference")

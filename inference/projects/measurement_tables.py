"""Tables of an export: its patients, and what was measured on their images."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import get_args

from inference.deidentification.codes import is_known_code, is_known_unit
from inference.deidentification.instances import StudyDeidentification
from inference.deidentification.pseudonyms import Pseudonyms
from inference.findings.standing import StandingFinding
from storage.core.caveats import Caveat, CaveatKind, Limit
from storage.projects.entities import ProjectStudy, Split

Row = tuple[object, ...]

_COLUMNS = (
    *("patient", "study_instance_uid", "series_instance_uid", "pipeline", "pipeline_version"),
    *("label", "code_value", "coding_scheme_designator", "value", "unit", "confidence", "validity"),
    *("software_value", "caveats"),
)
_NUMBERS = frozenset({"value", "confidence", "software_value"})


def patients_csv(studies: Iterable[ProjectStudy], pseudonyms: Pseudonyms, split: Split) -> bytes:
    """Each patient once, with the subset of the split."""
    keys = {one.patient_key for one in studies}
    rows = {(pseudonyms.patient(key), split.subset(pseudonyms.share(key))) for key in keys}
    return _csv([("patient", "subset"), *sorted(rows)])


def measurement_rows(
    findings: Iterable[StandingFinding], study: StudyDeidentification
) -> list[Row]:
    """The findings that count, one a row. Models made them, and nobody verified them for this.

    Where a reader has corrected a value, that one, and the software's as `software_value`.
    `caveats`: the kinds of what must be known of a value (`storage.core.caveats`), without their
    sentences, which may name what was in the headers.

    A pipeline of others may write anything: texts are cleaned, codes without a known scheme and
    form are left out, and a row in which the study's scan finds something does not leave.
    """
    rows = (_measurement(one, study) for one in findings)
    return [row for row in rows if row is not None]


def measurements_csv(rows: Iterable[Row]) -> bytes:
    return _csv([_COLUMNS, *rows])


def measurements_parquet(rows: Sequence[Row]) -> bytes:
    """The columns of `measurements_csv`: numbers as float64 (null: none), and texts."""
    # A library of its own, which few processes need.
    from arro3.core import Array, DataType, Field, Schema, Table
    from arro3.io import write_parquet

    types = {
        name: DataType.float64() if name in _NUMBERS else DataType.string() for name in _COLUMNS
    }
    columns = [
        Array([_stored(row[index], name) for row in rows], type=types[name])
        for index, name in enumerate(_COLUMNS)
    ]
    schema = Schema([Field(name, types[name], nullable=name in _NUMBERS) for name in _COLUMNS])
    file = io.BytesIO()
    write_parquet(Table.from_arrays(columns, schema=schema), file, compression="zstd(3)")
    return file.getvalue()


def _stored(value: object, column: str) -> object:
    if column not in _NUMBERS:
        return str(value)
    return None if value == "" else float(str(value))


def _measurement(stated: StandingFinding, study: StudyDeidentification) -> Row | None:
    finding = stated.finding
    code, unit = finding.code, finding.unit
    coded = is_known_code(code.value, code.scheme_designator)
    if unit is not None and not is_known_unit(unit.value):
        # A value without its unit misleads.
        return None
    label = study.text(finding.label)
    codes = (code.value, code.scheme_designator) if coded else ("", "")
    names = (finding.pipeline, finding.pipeline_version)
    unit_code = "" if unit is None else unit.value
    if study.has_leak(label) or any(
        study.has_leak(one, is_coded=True) for one in (*names, *codes, unit_code)
    ):
        return None
    return (
        study.pseudonym,
        study.uid(finding.study_instance_uid),
        study.uid(finding.series_instance_uid),
        *names,
        label,
        *codes,
        "" if finding.value is None else finding.value,
        unit_code,
        "" if finding.confidence is None else finding.confidence,
        "" if finding.validity is None else finding.validity.state,
        "" if stated.measured_value is None else stated.measured_value,
        "; ".join(dict.fromkeys(map(_kind, finding.caveats))),
    )


def _kind(caveat: Caveat) -> str:
    """`outside_population (contrast agent)`: words of the node alone."""
    limits = [one for one in get_args(Limit) if one in caveat.limits]
    kind = caveat.kind if caveat.kind in get_args(CaveatKind) else "other"
    return f"{kind} ({', '.join(limits)})" if limits else kind


def _csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _plain(value: object) -> object:
    """A text that a spreadsheet does not take for a formula."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value

"""Rows of an archive's studies and of all that came of them, but for their instances."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Table, func, select, text

from benchmarks.support.archive.plan import PlannedStudy, series_uid
from benchmarks.support.archive.results import (
    RESULT_KINDS,
    STORED_VERSIONS,
    delivery_rows,
    digest_of,
    finding_rows,
    generated_rows,
    job_id,
    job_row,
    made_uid,
)
from benchmarks.support.million import accession_number, patient_id, patients_of, write_rows
from storage import tables as t
from storage.core.text.text_folding import folded_name, search_text

Row = dict[str, Any]

DESCRIPTIONS = {
    "CT": ("CT Thorax", "CT Schädel nativ", "CT Abdomen KM", "Low dose chest"),
    "MR": ("MR Schädel", "MR Knie links", "MRT LWS", "Brain volume"),
    "DX": ("Thorax p.a.", "Hand links", "Becken"),
    "US": ("Sono Abdomen", "Sono Schilddrüse"),
}
_TIMES = "Überweiser^Ernst", "O'Neil^Siobhán", "Иванова^Ольга", ""


def write_archive(
    engine: Engine, studies: Sequence[PlannedStudy], note: Callable[[str], None]
) -> None:
    """Write each table that is empty yet, in a transaction of its own."""
    ids = {study.patient for study in studies}
    patients = {one["id"]: one for one in patients_of(ids)}
    with_run = [study for study in studies if study.pipeline]
    made: list[tuple[Table, Callable[[], Iterator[Row]]]] = [
        (t.patient, lambda: iter(patients.values())),
        (t.study, lambda: (_study(one, patients[one.patient]) for one in studies)),
        (t.series, lambda: _series(studies)),
        (t.received_patient, lambda: (_received(one, patients[one.patient]) for one in studies)),
        (t.series_request, lambda: _requests(studies)),
        (t.job, lambda: map(job_row, with_run)),
        (t.decision, lambda: _decisions(studies)),
        (t.finding, lambda: finding_rows(with_run)),
        (t.generated_instance, lambda: generated_rows(with_run)),
        (t.delivery, lambda: delivery_rows(with_run)),
        (t.audit_event, lambda: map(_audit_event, studies)),
        (t.audit_subject, lambda: _audit_subjects(studies)),
    ]
    for table, rows in made:
        with engine.connect() as connection:
            if connection.execute(select(func.count()).select_from(table)).scalar_one():
                continue
        write_rows(engine, table, rows())
        count_on(engine, table)
        note(f"rows of {table.name}")


def count_on(engine: Engine, table: Table) -> None:
    """Have PostgreSQL number the rows that come from here on."""
    column = next(iter(table.primary_key.columns))
    is_numbered = column.type.python_type is int and column.autoincrement
    if engine.dialect.name != "postgresql" or not is_numbered:
        return
    with engine.begin() as connection:
        name = f"'{table.name}', '{column.name}'"
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence({name}), (SELECT max({column.name})"
                f" FROM {table.name})) WHERE pg_get_serial_sequence({name}) IS NOT NULL"
            )
        )


def _study(study: PlannedStudy, patient: Mapping[str, Any]) -> Row:
    number, at = study.number, study.received_at
    names = DESCRIPTIONS.get(study.modality, ("",))
    description, accession = names[number % len(names)], accession_number(number)
    stated = {
        name: patient[name]
        for name in ("patient_name", "patient_name_folded", "patient_birth_date", "patient_sex")
    }
    referring = _TIMES[number % len(_TIMES)]
    return {
        "id": number,
        "patient_fk": study.patient,
        "person_fk": study.patient,
        "study_instance_uid": study.study_instance_uid,
        **stated,
        "study_date": "" if number % 200 == 0 else f"{at:%Y%m%d}",
        "study_time": f"{at:%H%M%S}",
        "accession_number": accession,
        "study_description": description,
        "study_id": str(number),
        "referring_physician_name": referring,
        "referring_physician_name_folded": folded_name(referring),
        "search_text": search_text(
            stated["patient_name"], patient_id(study.patient), description, accession
        ),
        "received_at": at,
        "updated_at": at + timedelta(minutes=3),
    }


def _series(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    made = studies[-1].series[-1].number
    for study in studies:
        for series in study.series:
            yield _one_series(study, series.number, series_uid(study, series), series.modality)
        for kind, _class in RESULT_KINDS if study.pipeline else ():
            made += 1
            uid = made_uid(study, kind)
            yield {
                **_one_series(study, made, uid, kind if kind == "SEG" else "SR"),
                "origin": "generated",
                "series_description": study.pipeline,
            }


def _one_series(study: PlannedStudy, number: int, uid: str, modality: str) -> Row:
    at = study.received_at
    return {
        "id": number,
        "study_fk": study.number,
        "series_instance_uid": uid,
        "modality": modality,
        "series_number": number % 20 + 1,
        "series_description": "axial 1.0 B31f",
        "series_date": f"{at:%Y%m%d}",
        "series_time": f"{at:%H%M%S}",
        "body_part_examined": "CHEST" if modality == "CT" else "HEAD",
        "protocol_name": "Routine Adult",
        "frame_of_reference_uid": f"{study.study_instance_uid}.9.1",
        "manufacturer": "SIEMENS",
        "manufacturer_model_name": "SOMATOM Force",
        "station_name": f"{modality}{study.number % 23:02d}",
        "institution_name": "Klinikum München-Süd",
        "performed_procedure_step_start_date": f"{at:%Y%m%d}",
        "performed_procedure_step_start_time": f"{at:%H%M%S}",
        "state": "COMPLETE",
        "origin": "received",
        "fingerprint": digest_of(uid),
        "routed_fingerprint": digest_of(uid),
        "first_instance_at": at,
        "last_instance_at": at + timedelta(minutes=2),
        "completed_at": at + timedelta(minutes=2, seconds=7),
    }


def _received(study: PlannedStudy, patient: Mapping[str, Any]) -> Row:
    return {
        "study_instance_uid": study.study_instance_uid,
        "patient_id": patient["patient_id"],
        "patient_name": patient["patient_name"],
        "patient_birth_date": patient["patient_birth_date"],
        "patient_sex": patient["patient_sex"],
    }


def _requests(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    for study in studies:
        for series in study.series:
            uid = series_uid(study, series)
            yield {
                "series_instance_uid": uid,
                "request_id": f"association-{digest_of(uid)[:16]}",
                "at": study.received_at,
            }


def _decisions(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    number = 0
    for study in studies:
        for series in study.series:
            uid = series_uid(study, series)
            for pipeline, version in STORED_VERSIONS.items():
                number += 1
                accepted = pipeline == study.pipeline and series is study.series[0]
                yield {
                    "id": number,
                    "study_instance_uid": study.study_instance_uid,
                    "series_instance_uid": uid,
                    "pipeline": pipeline,
                    "pipeline_version": version,
                    "input_fingerprint": digest_of(uid),
                    "accepted": accepted,
                    "reason": "" if accepted else f"Modality is {series.modality}; not taken.",
                    "job_id": job_id(study) if accepted else None,
                    "decided_at": study.received_at + timedelta(minutes=3),
                }


def _audit_event(study: PlannedStudy) -> Row:
    return {
        "audit_id": study.number,
        "at": study.received_at,
        "code": "110104",
        "action": "C",
        "outcome": 0,
        "actor_kind": "peer",
        "actor_name": f"{study.modality}{study.number % 23:02d}",
        "actor_address": "10.1.2.3",
        "process": "node:812",
        "request_id": f"association-{study.number:016x}",
        "study_instance_uids": [study.study_instance_uid],
        "patient_ids": [patient_id(study.patient)],
        "detail": {"toward": "node", "sop_classes": {"1.2.840.10008.5.1.4.1.1.2": 3}},
    }


def _audit_subjects(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    for study in studies:
        for kind, value in (
            ("patient", patient_id(study.patient)),
            ("study", study.study_instance_uid),
        ):
            yield {"audit_id": study.number, "kind": kind, "value": value}

"""An index of 1,000,000 instances in 20,000 studies, filled by bulk inserts, without their bytes.

What it holds is awkward on purpose: names in several scripts, with umlauts, empty components
and groups; many patients of one family name; studies without a date; some patients with
hundreds of studies and one series of 5,000 instances.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from sqlalchemy import Column, Engine, Table, text

from storage import tables as t
from storage.core.text.text_folding import folded_name, search_text
from storage.db.engine import writing

STUDIES = 20_000
INSTANCES = 1_000_000
LARGE_SERIES = 5_000
FIRST_DAY, DAYS = date(2022, 1, 1), 3 * 365
LARGE_STUDY = "1.2.826.0.1.3680043.10.99"
LARGE_SERIES_UID = f"{LARGE_STUDY}.1"

_FAMILIES = (
    "Müller Meier Smith O'Brien Šimek Østergård Nguyễn García-López Иванов Παπαδόπουλος"
    " Yamada^Tarou=山田 Wáng=王 Al-Hassan Groß de_la_Cruz Lee Kowalski"
).split()
_GIVEN = (
    "Anna Jürgen José Zoë Mary-Jane Ольга 太郎 Li Ahmed Élodie Karl^Maria John^Q^Dr^III".split()
)
_RECEIVED = datetime(2025, 1, 1, tzinfo=UTC)
_AT_ONCE = 20_000


def fill(engine: Engine, studies: int = STUDIES, instances: int = INSTANCES) -> None:
    """Fill an empty, migrated index; the same content every time."""
    chance = random.Random(17)  # noqa: S311 - data, no secret
    plan = list(_studies(chance, studies, instances))
    patients = list(patients_of({one["patient_fk"] for one in plan}))
    write_rows(engine, t.patient, patients)
    stated = {one["id"]: {name: one[name] for name in _STATED} for one in patients}
    write_rows(engine, t.study, (_study(one, stated[one["patient_fk"]]) for one in plan))
    series = [one for study in plan for one in study["series"]]
    write_rows(engine, t.series, (_series(one) for one in series))
    write_rows(engine, t.instance, _instances(series))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            for table in (t.patient, t.study, t.series, t.instance):
                connection.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'),"
                        f" (SELECT max(id) FROM {table.name}))"
                    )
                )
            connection.execute(text("VACUUM ANALYZE"))


def patient_id(patient: int) -> str:
    return f"P{patient:06d}"


def accession_number(study: int) -> str:
    return f"A{study:07d}"


def study_uid(study: int) -> str:
    return f"1.2.826.0.1.3680043.10.1.{study}"


def study_date(chance: random.Random) -> str:
    return (FIRST_DAY + timedelta(chance.randrange(DAYS))).strftime("%Y%m%d")


def _studies(chance: random.Random, studies: int, instances: int) -> Iterator[dict[str, Any]]:
    large = min(LARGE_SERIES, instances // 2)
    usual = (instances - large) // (studies - 1)
    series_id = 0
    for number in range(1, studies + 1):
        # Larger and smaller in turns, so that the sum is as wanted; the last one has the rest.
        count = usual + (usual // 2 if number % 2 else -(usual // 2))
        if number == studies:
            count = large
        elif number == studies - 1:
            count = instances - large - usual * (studies - 2) - (studies % 2) * (usual // 2)
        parts = 1 if number == studies else min(count, chance.choice((1, 1, 2, 2, 3, 5)))
        sizes = [count // parts] * parts
        sizes[0] += count - sum(sizes)
        uid = LARGE_STUDY if number == studies else study_uid(number)
        series = []
        for position, size in enumerate(sizes, 1):
            series_id += 1
            series.append(
                {
                    "id": series_id,
                    "study_fk": number,
                    "uid": f"{uid}.{position}",
                    "number": position,
                    "size": size,
                    "modality": chance.choice(("CT", "MR", "MR", "CR", "US", "SR")),
                }
            )
        # A tenth of the studies are of a few patients who come again and again.
        patient = chance.randint(1, 20) if number % 10 == 0 else 20 + (number + 1) // 2
        yield {
            "id": number,
            "uid": uid,
            "patient_fk": patient,
            "date": "" if number % 50 == 0 else study_date(chance),
            "series": series,
        }


def patients_of(ids: set[int]) -> Iterator[dict[str, Any]]:
    for number in sorted(ids):
        chance = random.Random(number)  # noqa: S311 - data, no secret
        family, groups = chance.choice(_FAMILIES), ""
        if "=" in family:
            family, _sign, groups = family.partition("=")
        name = family if "^" in family else f"{family}{number % 97}^{chance.choice(_GIVEN)}"
        name += f"={groups}" if groups else ("^^" if number % 11 == 0 else "")
        yield {
            "id": number,
            "patient_key": f"{number:064x}",
            "patient_id": patient_id(number),
            "issuer_of_patient_id": "",
            "patient_name": name,
            "patient_name_folded": folded_name(name),
            "patient_birth_date": f"{chance.randint(1930, 2020)}0{chance.randint(1, 9)}15",
            "patient_sex": chance.choice("MFO"),
        }


_STATED = ("patient_name", "patient_name_folded", "patient_birth_date", "patient_sex")


def _study(study: dict[str, Any], stated: dict[str, str]) -> dict[str, Any]:
    number = study["id"]
    received = _RECEIVED + timedelta(seconds=number)
    description = ("CT Schädel", "MR Knie links", "Thorax p.a.", "")[number % 4]
    patient, accession = patient_id(study["patient_fk"]), accession_number(number)
    return {
        "id": number,
        "patient_fk": study["patient_fk"],
        "person_fk": study["patient_fk"],
        "study_instance_uid": study["uid"],
        **stated,
        "study_date": study["date"],
        "study_time": f"{number % 24:02d}{number % 60:02d}00",
        "accession_number": accession,
        "study_description": description,
        "study_id": str(number),
        "referring_physician_name": "Überweiser^Ernst",
        "referring_physician_name_folded": folded_name("Überweiser^Ernst"),
        "search_text": search_text(stated["patient_name"], patient, description, accession),
        "received_at": received,
        "updated_at": received,
    }


def _series(series: dict[str, Any]) -> dict[str, Any]:
    received = _RECEIVED + timedelta(seconds=series["study_fk"])
    return {
        "id": series["id"],
        "study_fk": series["study_fk"],
        "series_instance_uid": series["uid"],
        "modality": series["modality"],
        "series_number": series["number"],
        "series_description": "axial",
        "body_part_examined": "HEAD",
        "state": "COMPLETE",
        "origin": "received",
        "fingerprint": "0" * 64,
        "first_instance_at": received,
        "last_instance_at": received,
        "completed_at": received,
    }


def _instances(series: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    number = 0
    for one in series:
        received = _RECEIVED + timedelta(seconds=one["study_fk"])
        for position in range(1, one["size"] + 1):
            number += 1
            yield {
                "id": number,
                "series_fk": one["id"],
                "sop_instance_uid": f"{one['uid']}.{position}",
                "sop_class_uid": CTImageStorage,
                "transfer_syntax_uid": ExplicitVRLittleEndian,
                "instance_number": position,
                "rows": 512,
                "columns": 512,
                "bits_allocated": 16,
                "number_of_frames": 1,
                "size_bytes": 526_000 + position,
                "digest": f"{number:064x}",
                "source": "dimse:CT",
                "received_at": received,
                "volume": "none",
                "volume_offset": number,
                "object_key": "",
            }


def write_rows(engine: Engine, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    first = next(rows)
    columns = [table.c[name] for name in first]
    binders = [_binder(column, engine) for column in columns]
    mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
    names = ", ".join(engine.dialect.identifier_preparer.quote(c.name) for c in columns)
    with writing(engine) as connection:
        cursor = connection.connection.cursor()
        everything = _bound([first], binders)
        if engine.dialect.name == "postgresql":
            with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in everything:
                    copy.write_row(row)
                for row in _bound(rows, binders):
                    copy.write_row(row)
            return
        marks = ", ".join([mark] * len(columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
        cursor.executemany(statement, list(everything))
        bound = _bound(rows, binders)
        while batch := list(islice(bound, _AT_ONCE)):
            cursor.executemany(statement, batch)


def _binder(column: Column[Any], engine: Engine) -> Callable[[Any], Any] | None:
    kind = column.type.dialect_impl(engine.dialect)
    return kind.bind_processor(engine.dialect)


def _bound(
    rows: Iterable[dict[str, Any]], binders: Sequence[Callable[[Any], Any] | None]
) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield tuple(
            value if bind is None else bind(value)
            for value, bind in zip(row.values(), binders, strict=True)
        )

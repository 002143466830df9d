"""Each study goes by the name that it states itself, whatever other studies of the patient state:
anybody who knows an ID and a birth date could else rename a patient with one image."""

import importlib
from pathlib import Path

from sqlalchemy import bindparam, insert, select, text, update

from storage import tables as t
from storage.container import Storage
from storage.core.callers.visibility import Visibility, limited_to
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.db.engine import make_engine, writing
from storage.db.migrate import upgrade_to
from storage.index.matching.attributes import Level
from storage.index.matching.dicom_query import Query, find
from storage.patient_identity.entities import Demographics, PatientKey, Statement
from storage.studies.filter import order_by
from storage.ups.search import Narrowed, WorkitemList
from tests.storage.instances import part10
from tests.storage.patient_identity.patients import ADMIN, move, patient_of, store

BORN = "19500505"
WRONG, RIGHT = "Wrong^Person", "Right^Öther"
_MIGRATION = importlib.import_module(
    "storage.migrations.versions.0099_list_each_study_under_the_name_that_it_states"
)


def found(storage: Storage, level: Level, **keys: str) -> list[tuple[str, str]]:
    """Name and birth date of each answer, the newest first."""
    return [
        (row["PatientName"], row["PatientBirthDate"])
        for row in find(storage.engine, Query(level, keys))
    ]


def test_a_stranger_with_id_and_birth_date_renames_nobody(storage: Storage) -> None:
    wrong = store(storage, "w", "P", WRONG, BORN)
    right = store(storage, "r", "P", RIGHT, BORN)
    index = storage.index
    assert index.patient_key(wrong) == index.patient_key(right), "one patient, as before"
    for study, name, word in ((wrong, WRONG, "wrong"), (right, RIGHT, "right other")):
        assert index.study(study).patient_name == name
        assert index.patients_of([study]) == {study: (name, "P")}
        assert [one.study_instance_uid for one in index.studies(9, 0, word)[0]] == [study]
        levels: tuple[Level, ...] = ("STUDY", "SERIES", "IMAGE")
        for level in levels:
            assert found(storage, level, PatientName=name.upper()) == [(name, BORN)]
            assert found(storage, level, PatientName=f"{word[:5]}*") == [(name, BORN)]
    for descending in (False, True):
        names = [
            one.patient_name
            for one in index.studies(9, 0, order=order_by("patient_name", descending=descending))[0]
        ]
        assert names == sorted((WRONG, RIGHT), reverse=descending)
    job, _ = storage.jobs.schedule("p", "1", right, "1.2.3", "f")
    (listed,) = WorkitemList(storage.engine, "NODE").all(Narrowed(study_instance_uids=(right,)))
    assert listed.job_id == job.job_id
    assert listed.attributes["00100010"]["Value"] == [{"Alphabetic": RIGHT}]


def test_a_patient_is_answered_once_with_each_name_that_the_studies_state(
    storage: Storage,
) -> None:
    store(storage, "w", "P", WRONG, BORN)
    for study in ("r1", "r2"):
        store(storage, study, "P", RIGHT, BORN)
    store(storage, "spelled", "P", "RIGHT^OTHER^^", BORN)
    store(storage, "somebody", "Q", "Somebody^Else", "19600606")
    assert found(storage, "PATIENT") == [
        ("Somebody^Else", "19600606"),
        (WRONG, BORN),
        (RIGHT, BORN),
    ]
    assert found(storage, "PATIENT", PatientName="right*") == [(RIGHT, BORN)]
    rows = list(find(storage.engine, Query("PATIENT", {"PatientID": "P"})))
    assert {row["NumberOfPatientRelatedStudies"] for row in rows} == {4}
    pages = [
        list(find(storage.engine, Query("PATIENT", {}), limit=1, offset=skipped))
        for skipped in range(4)
    ]
    assert [[row["PatientName"] for row in page] for page in pages] == [
        ["Somebody^Else"], [WRONG], [RIGHT], [],
    ]  # fmt: skip


def test_an_emergency_without_a_name_empties_no_others(storage: Storage) -> None:
    nameless = store(storage, "e", "P", "", BORN)
    right = store(storage, "r", "P", RIGHT, BORN)
    assert patient_of(storage, nameless) == ("P", "")
    assert patient_of(storage, right) == ("P", RIGHT)
    assert storage.index.named_differently([nameless, right]) == frozenset()
    assert storage.index.studies(9, 0, "right")[1] == 1


def test_different_names_are_noticed_by_those_alone_who_see_both(storage: Storage) -> None:
    wrong = store(storage, "w", "P", WRONG, BORN)
    right = store(storage, "r", "P", RIGHT, BORN)
    alike = [store(storage, n, "Q", name, BORN) for n, name in (("1", "A^B"), ("2", "á^b^^"))]
    nobodys = [store(storage, n, "", name, BORN) for n, name in (("3", "A^B"), ("4", "C^D"))]
    every = [wrong, right, *alike, *nobodys]
    assert storage.index.named_differently(every) == {wrong, right}
    assert storage.index.named_differently([right]) == {right}
    with writing(storage.engine) as connection:
        now = utcnow()
        for group, studies in ((3, [wrong]), (4, [right]), (5, [wrong, right])):
            connection.execute(
                insert(t.access_group).values(
                    group_id=group, name=str(group), created_at=now, updated_at=now
                )
            )
            for uid in studies:
                connection.execute(
                    insert(t.study_group).values(
                        study_instance_uid=uid, group_id=group, origin="rule", decided_at=now
                    )
                )
    for group, mine, name in ((3, wrong, WRONG), (4, right, RIGHT)):
        with limited_to(Visibility("account:a", (group,), sees_unmatched=False)):
            assert storage.index.named_differently(every) == frozenset()
            assert patient_of(storage, mine) == ("P", name)
            assert found(storage, "PATIENT") == [(name, BORN)]
            assert found(storage, "PATIENT", PatientName="*") == [(name, BORN)]
            assert storage.index.studies(9, 0, "wrong")[1] == int(mine == wrong)
    with limited_to(Visibility("account:a", (5,), sees_unmatched=False)):
        assert storage.index.named_differently([right]) == {right}


def test_a_correction_counts_for_all_until_it_is_undone(storage: Storage) -> None:
    studies = [store(storage, n, "P", name, BORN) for n, name in (("w", WRONG), ("r", RIGHT))]
    corrected = Statement("demographics", PatientKey("P", ""), Demographics("Real^Rita", BORN, "F"))
    recorded = storage.patient_changes.record([corrected], ADMIN, utcnow())
    assert recorded is not None
    studies.append(store(storage, "late", "P", "Late^Lotte", BORN))
    assert {patient_of(storage, one) for one in studies} == {("P", "Real^Rita")}
    assert storage.index.named_differently(studies) == frozenset()
    assert storage.index.studies(9, 0, "real rita")[1] == 3
    assert found(storage, "PATIENT", PatientSex="F") == [("Real^Rita", BORN)]
    storage.patient_changes.undo(recorded.change_ids[0], ADMIN, utcnow())
    assert [patient_of(storage, one)[1] for one in studies] == [WRONG, RIGHT, "Late^Lotte"]
    assert storage.index.studies(9, 0, "right")[1] == 1
    assert storage.index.studies(9, 0, "rita")[1] == 0


def test_a_study_that_is_moved_goes_by_its_new_patient_and_leaves_the_others(
    storage: Storage,
) -> None:
    wrong = store(storage, "w", "P", WRONG, BORN)
    right = store(storage, "r", "P", RIGHT, BORN)
    moved = storage.patient_changes.move(
        move(wrong, "X", Demographics("New^Nora", "19700101")), ADMIN, utcnow()
    )
    assert patient_of(storage, wrong) == ("X", "New^Nora")
    assert patient_of(storage, right) == ("P", RIGHT)
    assert storage.index.named_differently([wrong, right]) == frozenset()
    storage.patient_changes.undo(moved.change_ids[0], ADMIN, utcnow())
    assert patient_of(storage, wrong) == ("P", WRONG)
    # Whom the first study leaves goes by the one that stays.
    storage.deletions.study(wrong)
    assert patient_of(storage, right) == ("P", RIGHT)


def test_an_upgraded_index_takes_what_its_studies_state(storage: Storage) -> None:
    """As the version before had it: the names of the patient's row, the first one's."""
    names = {store(storage, n, "P", name, BORN): name for n, name in (("w", WRONG), ("r", RIGHT))}
    other = {store(storage, n, "Q", f"{n}^Q", "19600606"): f"{n}^Q" for n in ("a", "b", "c")}
    corrected = Statement(
        "demographics", PatientKey("Q", ""), Demographics("Real^Rita", "19600606")
    )
    recorded = storage.patient_changes.record([corrected], ADMIN, utcnow())
    assert recorded is not None
    undone = {store(storage, n, "U", f"{n}^U", "19700707"): f"{n}^U" for n in ("d", "e")}
    u = Statement("demographics", PatientKey("U", ""), Demographics("Gone^Gina", "19700707"))
    change = storage.patient_changes.record([u], ADMIN, utcnow())
    assert change is not None
    storage.patient_changes.undo(change.change_ids[0], ADMIN, utcnow())
    of_patient = select(t.patient).where(t.patient.c.id == bindparam("fk"))
    with writing(storage.engine) as connection:
        for uid, fk in connection.execute(
            select(t.study.c.study_instance_uid, t.study.c.patient_fk)
        ).all():
            row = connection.execute(of_patient, {"fk": fk}).mappings().one()
            taken = ("patient_name", "patient_name_folded", "patient_birth_date", "patient_sex")
            connection.execute(
                update(t.study)
                .where(t.study.c.study_instance_uid == uid)
                .values({**{name: row[name] for name in taken}, "search_text": "former"})
            )
        _MIGRATION._take_what_studies_state(connection)
    expected = {**names, **dict.fromkeys(other, "Real^Rita"), **undone}
    assert {uid: patient_of(storage, uid)[1] for uid in expected} == expected
    assert storage.index.studies(9, 0, "right other")[1] == 1
    assert found(storage, "STUDY", PatientName="right^other") == [(RIGHT, BORN)]


def test_the_whole_upgrade_on_an_older_file(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/index.sqlite")
    try:
        with writing(engine) as connection:
            upgrade_to(connection, "0098")
            now = utcnow().isoformat(" ")
            connection.execute(
                text(
                    "INSERT INTO patient (id, patient_key, patient_id, patient_name,"
                    " patient_name_folded, patient_birth_date, patient_sex)"
                    " VALUES (1, 'k', 'P', 'Wrong^Person', 'wrong^person', '19500505', 'F')"
                )
            )
            for number in (1, 2, 3):
                connection.execute(
                    text(
                        "INSERT INTO study (id, patient_fk, study_instance_uid, search_text,"
                        " received_at, updated_at) VALUES (:n, 1, :uid, 'wrong', :now, :now)"
                    ),
                    {"n": number, "uid": f"1.{number}", "now": now},
                )
            connection.execute(
                text(
                    "INSERT INTO received_patient (study_instance_uid, patient_id, patient_name,"
                    " patient_birth_date, patient_sex) VALUES"
                    " ('1.1', 'P', 'Wrong^Person', '19500505', 'F'),"
                    " ('1.2', 'P', 'Right^Other', '19500505', '')"
                )
            )
            upgrade_to(connection, "0099")
            c = t.study.c
            rows = connection.execute(
                select(c.patient_name, c.patient_name_folded, c.patient_birth_date, c.patient_sex)
                .order_by(c.id)
            ).all()  # fmt: skip
        wrong = ("Wrong^Person", "wrong^person", "19500505", "F")
        # Of the third it was not noted how it arrived: it stays as it was listed.
        assert [tuple(row) for row in rows] == [
            wrong,
            ("Right^Other", "right^other", "19500505", ""),
            wrong,
        ]
    finally:
        engine.dispose()


def test_later_instances_of_a_study_change_nothing(storage: Storage) -> None:
    right = store(storage, "r", "P", RIGHT, BORN)
    storage.ingest.accept(
        part10("r", "late", "1", PatientID="P", PatientName=WRONG, PatientBirthDate=BORN), "test"
    )
    assert patient_of(storage, right) == ("P", RIGHT)
    assert str(derive_uid("test", "r")) == right

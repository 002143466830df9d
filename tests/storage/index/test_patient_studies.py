"""Which studies of a patient are priors of another, on each kind of database."""

from sqlalchemy import insert, select, update

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import JobInput
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.storage.instances import part10


def received(storage: Storage, study: str, date: str, **changes: object) -> str:
    content = part10(study, **{"StudyDate": date, "StudyTime": "101500", **changes})
    storage.ingest.accept(content, "dimse:TEST")
    return str(derive_uid("test", study))


def in_group(storage: Storage, study: str, *group_ids: int) -> None:
    with writing(storage.engine) as connection:
        for group_id in group_ids:
            connection.execute(
                insert(t.study_group).values(
                    study_instance_uid=study,
                    group_id=group_id,
                    origin="rule",
                    decided_at=utcnow(),
                )
            )


def test_earlier_studies_with_images_are_priors_the_newest_first(storage: Storage) -> None:
    now = received(storage, "now", "20260201")
    first, second = (received(storage, one, f"202{one}0101") for one in ("4", "5"))
    later = received(storage, "later", "20260202")
    received(storage, "undated", "")
    received(storage, "other", "20250101", PatientID="P2")
    assert storage.index.patient_studies.imaged_before(now) == [second, first]
    assert storage.index.patient_studies.imaged_before(later) == [now, second, first]
    assert storage.index.patient_studies.before(now) == [], "nothing was measured"


def test_a_study_that_is_earlier_by_its_own_clock_alone_is_no_prior(storage: Storage) -> None:
    def zoned(study: str, date: str, time: str, zone: str) -> str:
        return received(storage, study, date, StudyTime=time, TimezoneOffsetFromUTC=zone)

    priors = storage.index.patient_studies.imaged_before
    here = zoned("here", "20240410", "101500", "+0000")
    # 09:30 in New York is four hours later.
    there = zoned("there", "20240410", "0930", "-0500")
    assert priors(here) == []
    later = zoned("later", "20240410", "180000.25", "+0200")
    assert priors(later) == [here, there]
    before_midnight = zoned("west", "20240409", "233000", "-0800")
    assert priors(here) == [before_midnight]
    assert priors(zoned("unstated", "20240410", "094500", "")) == [there, before_midnight]


def test_a_prior_must_be_seen_by_all_who_see_the_later_study(storage: Storage) -> None:
    before, now = received(storage, "before", "20250201"), received(storage, "now", "20260201")
    north, south = (storage.access_groups.add(one).group_id for one in ("North", "South"))
    with writing(storage.engine) as connection:
        connection.execute(update(t.access_state).values(is_enforced=True))
    assert storage.index.patient_studies.imaged_before(now) == [], (
        "nobody has decided whose they are"
    )
    in_group(storage, now, south)
    in_group(storage, before, north)
    assert storage.index.patient_studies.imaged_before(now) == []
    in_group(storage, before, south)
    assert storage.index.patient_studies.imaged_before(now) == [before]
    in_group(storage, now, storage.access_groups.add("East").group_id)
    # Who reads in East sees the later study, and its results must not rest on the other one.
    assert storage.index.patient_studies.imaged_before(now) == []


def test_a_job_whose_prior_is_moved_to_another_patient_or_group_is_found(storage: Storage) -> None:
    before, now = received(storage, "before", "20250201"), received(storage, "now", "20260201")
    own, prior = (derive_uid("test", one, "series") for one in ("now", "before"))
    job, _ = storage.jobs.schedule(
        "compare", "1", now, own, "f", inputs=[
            JobInput("now", own, "f", now), JobInput("before", prior, "g", before),
        ],
    )  # fmt: skip
    assert storage.jobs.inputs_of(job.job_id)[0].study_instance_uid == before
    assert storage.index.patient_studies.no_longer_of() == []
    north, south = (storage.access_groups.add(one).group_id for one in ("North", "South"))
    in_group(storage, before, north)
    with writing(storage.engine) as connection:
        connection.execute(update(t.access_state).values(is_enforced=True))
    assert storage.index.patient_studies.no_longer_of() == [], (
        "the groups of the study are not known yet"
    )
    in_group(storage, now, south)
    assert storage.index.patient_studies.no_longer_of() == [job.job_id]
    in_group(storage, before, south)
    assert storage.index.patient_studies.no_longer_of() == []
    moved = Statement("move", PatientKey("P2", ""), Demographics("Other^A"), study_instance_uid=now)
    storage.patient_changes.record([moved], Origin("ada", "account:1", reason="x"), utcnow())
    assert storage.index.patient_studies.no_longer_of() == [job.job_id]
    storage.deletions.study(before)
    assert storage.index.patient_studies.no_longer_of() == [], (
        "what was deleted takes no result along"
    )
    with reading(storage.engine) as connection:
        roles = connection.execute(select(t.job_input.c.role)).scalars().all()
    assert sorted(roles) == ["before", "now"]

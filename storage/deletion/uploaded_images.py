"""Remove an analysed picture: the file, what shows where in it, and what was found."""

from collections.abc import Sequence

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.entities import ENDED_STATES, Job
from storage.core.errors import StateConflict
from storage.core.state_words import state_word
from storage.db.engine import reading, writing
from storage.deletion.derived_data import remove_work
from storage.objects.store import ObjectStore


def delete_picture(
    engine: Engine, objects: ObjectStore, job: Job, derived_keys: Sequence[str]
) -> None:
    """Delete for good the picture that a job analysed, and the job.

    A picture that other jobs analysed as well stays until the last of them goes. `derived_keys`
    name what the job made of it in the object store. What is interrupted is completed by asking
    again: the rows go last. Raises StateConflict, StorageUnavailable.
    """
    job_id = job.job_id
    with reading(engine) as connection:
        others = connection.execute(
            select(t.job.c.job_id).where(
                t.job.c.input_object_key == job.input_object_key, t.job.c.job_id != job_id
            )
        ).first()
        question = connection.scalar(select(t.answer.c.job_id).where(t.answer.c.job_id == job_id))
    if question is not None:
        raise StateConflict(
            f"Job {job_id} answers a question.",
            remedy="It goes by itself, with its document, after MEDIVIEW_ANSWER_RETENTION_S.",
        )
    if not job.input_object_key or job.study_instance_uid:
        raise StateConflict(
            f"Job {job_id} analysed no picture, but images of a study.",
            remedy="Its results go with the study: DELETE /dicom-web/studies/"
            f"{job.study_instance_uid}.",
        )
    if job.state not in ENDED_STATES:
        raise StateConflict(
            f"Job {job_id} is {state_word(job.status)}.",
            remedy=f"Cancel it first: POST /api/jobs/{job_id}/cancel.",
        )
    for key in derived_keys:
        objects.delete(key)
    if others is None:
        objects.delete(job.input_object_key)
    with writing(engine) as connection:
        remove_work(connection, t.job.c.job_id == job_id)

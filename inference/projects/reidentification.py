"""Who is behind a pseudonym: found by making the pseudonyms of the project's studies again.

Nothing keeps the two side by side; without the project's key there is no way back.
"""

from dataclasses import dataclass

from inference.deidentification.pseudonyms import Pseudonyms
from storage.core.errors import NotFound
from storage.index.repository import Index
from storage.projects.entities import Project
from storage.projects.repository import Projects


@dataclass(frozen=True)
class Reidentified:
    """The original behind a pseudonym: a patient's studies, or the one that a UID is of."""

    pseudonym: str
    study_instance_uids: tuple[str, ...]


def reidentify(projects: Projects, index: Index, project: Project, pseudonym: str) -> Reidentified:
    """`pseudonym`: of a patient, or a UID of a study, series or instance. Raises NotFound."""
    pseudonyms = Pseudonyms(project.key)
    studies, _ = projects.studies(project)
    # Exports made before a patient was merged or a study moved have the pseudonym of then.
    earlier = projects.keys_when_added(project)
    found = [
        one.study_instance_uid
        for one in studies
        if pseudonym
        in (
            pseudonyms.patient(one.patient_key),
            pseudonyms.patient(earlier.get(one.study_instance_uid, one.patient_key)),
            pseudonyms.uid(one.study_instance_uid),
        )
    ]
    if not found:
        found = [
            one.study_instance_uid
            for one in studies
            if any(
                pseudonym
                in (
                    pseudonyms.uid(instance.series_instance_uid),
                    pseudonyms.uid(instance.sop_instance_uid),
                )
                for instance in index.instances_of(one.study_instance_uid)
            )
        ]
    if not found:
        raise NotFound(
            f"Nothing in project {project.name} has the pseudonym {pseudonym}.",
            remedy="Check the pseudonym, and that it is of this project.",
        )
    return Reidentified(pseudonym, tuple(found))

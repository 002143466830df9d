"""Put studies into a project, by hand or by what they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from inference.deidentification.profile import read_profile
from inference.projects.finding_criteria import FindingCriterion, FindingStorage, studies_with
from storage.container.has import HasIndex
from storage.core.errors import InvalidRequest
from storage.index.repository import Index
from storage.projects.entities import Project, ProjectStudy, Split
from storage.projects.repository import Projects
from storage.studies.filter import StudyFilter

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_WHOLE = 100
_AT_ONCE = 1000


def checked_name(name: str) -> str:
    """Raises InvalidRequest for what cannot stand in an address."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidRequest(
            f"'{name}' is not a valid name for a project.",
            remedy="Use letters, digits, . _ and -, 64 at most, such as stroke-2026.",
        )
    return name


def checked_split(shares: Sequence[int]) -> Split:
    """Percentages of training, validation and test. Raises InvalidRequest."""
    if len(shares) != 3 or any(one < 0 for one in shares) or sum(shares) != _WHOLE:
        raise InvalidRequest(
            "A split has three shares in percent that add up to 100.",
            remedy="Write 70,15,15 for example: training, validation, test.",
        )
    return Split(*shares)


def create_project(
    projects: Projects,
    name: str,
    options: Sequence[str],
    *,
    needs_consent: bool,
    split: Split,
    created_by: str,
    now: datetime,
) -> Project:
    """Raises InvalidRequest for options that do not exist or contradict each other."""
    profile = read_profile(options)
    return projects.create(
        checked_name(name),
        sorted(profile.options),
        needs_consent=needs_consent,
        split=split,
        created_by=created_by,
        now=now,
    )


def add_studies(
    projects: Projects,
    index: Index,
    project: Project,
    study_instance_uids: Sequence[str],
    *,
    has_consent: bool,
    added_by: str,
    now: datetime,
) -> int:
    """How many are new in the project. Raises NotFound for a study that is not here."""
    studies = []
    for uid in dict.fromkeys(study_instance_uids):
        index.study(uid)
        # Without a patient ID nothing says that two studies are of one patient.
        key = index.patient_key(uid) or f"study:{uid}"
        studies.append(ProjectStudy(uid, key, has_consent, added_by, now))
    return projects.add(project, studies)


class SelectionStorage(HasIndex, FindingStorage, Protocol):
    """What of the storage layer studies are chosen from."""


def cohort(
    storage: SelectionStorage, wanted: StudyFilter, criteria: Sequence[FindingCriterion]
) -> list[str]:
    """Studies that are here now, meet the conditions, and have a finding for each criterion.

    Raises InvalidRequest where nothing is asked of them.
    """
    if not criteria:
        return matching_studies(storage.index, wanted)
    with_findings = studies_with(storage, criteria)
    if not wanted.conditions():
        return sorted(with_findings)
    return [one for one in matching_studies(storage.index, wanted) if one in with_findings]


@dataclass(frozen=True)
class Preview:
    """What adding studies would come to; `new`: how many are not in the project yet."""

    found: int
    new: int


def preview(projects: Projects, project: Project, study_instance_uids: Sequence[str]) -> Preview:
    here = {one.study_instance_uid for one in projects.studies(project)[0]}
    wanted = set(study_instance_uids)
    return Preview(len(wanted), len(wanted - here))


def matching_studies(index: Index, wanted: StudyFilter) -> list[str]:
    """Studies that are here now. Raises InvalidRequest where nothing is asked of them."""
    conditions = wanted.conditions()
    if not conditions:
        raise InvalidRequest(
            "The studies that are wanted are not stated.",
            remedy="Name studies, or conditions such as a modality and dates.",
        )
    found: list[str] = []
    while True:
        studies, total = index.studies(_AT_ONCE, len(found), where=conditions)
        found += [one.study_instance_uid for one in studies]
        if len(found) >= total or not studies:
            return found

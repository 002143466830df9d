"""Rules of de-identification put complete studies into research projects."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from inference.projects.added_by_rule import add_complete_study
from inference.projects.selection import create_project
from inference.routing.rounds import RoutingRounds
from inference.rules.file import read_rules
from inference.site_rules.preview import preview_rules
from storage.container import Storage
from storage.core.clock import utcnow
from storage.projects.entities import Project, Split
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.routing.test_routing import rules
from tests.inference.small import study_uid

RULES = """
deidentification:
  - name: MR for the study of lungs
    when: {Modality: MR}
    project: [lungs, unknown]
  - name: CT for the same
    when: {Modality: CT}
    project: films
"""


def project(storage: Storage, name: str) -> Project:
    return create_project(
        storage.projects,
        name,
        [],
        needs_consent=True,
        split=Split(),
        created_by="chief",
        now=utcnow(),
    )


def test_a_complete_study_is_added_once_and_without_consent(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        lungs, films = project(storage, "lungs"), project(storage, "films")
        rules(storage, RULES)
        complete_series(storage, "a", 2)
        rounds = RoutingRounds(storage, partial(add_complete_study, storage))
        rounds.round(utcnow())
        assert storage.projects.studies(lungs)[1] == 0, "more of it may come"
        later = utcnow() + timedelta(seconds=storage.settings.study_quiet_s + 1)
        rounds.round(later)
        ((study,), count) = storage.projects.studies(lungs)
        assert (count, study.study_instance_uid) == (1, study_uid("a"))
        assert (study.has_consent, study.added_by) == (False, "MR for the study of lungs")
        assert storage.projects.studies(films)[1] == 0
        # Consent that a person records is not taken back when more of the study arrives.
        storage.projects.add(lungs, [study.__class__(**{**vars(study), "has_consent": True})])
        complete_series(storage, "a", 3)
        rounds.round(utcnow())
        rounds.round(later + timedelta(hours=1))
        assert storage.projects.consent(lungs, study_uid("a")) is True


def test_the_preview_names_the_projects(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        complete_series(storage, "a", 2)
        path = tmp_path / "new.yaml"
        path.write_text(RULES)
        tried = read_rules(path)
        found = preview_rules(storage, tried, type(tried)(), 10, 60.0)
        assert [(one.section, one.studies) for one in found.rules] == [
            ("deidentification", 1),
            ("deidentification", 0),
        ]
        assert {(one.what, one.before, one.after) for one in found.changes} == {
            ("lungs", "not in it", "in it"),
            ("unknown", "not in it", "in it"),
        }

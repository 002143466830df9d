"""A pipeline that runs on request runs where an upload names it."""

from pathlib import Path

from api.uploads.intake import Intake, schedule_touched
from tests.inference.films import film, part10
from tests.inference.orchestration import receive, storage_in


def test_an_upload_that_names_the_pipeline_asks_for_it(tmp_path: Path) -> None:
    dataset = film("asked")
    with storage_in(tmp_path) as storage:
        receive(storage, [part10(dataset)])
        intake = Intake()
        intake.touched[str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID)] = None
        assert schedule_touched(storage, intake).jobs == []
        asked = schedule_touched(storage, intake, "film-field")
        assert [one.pipeline for one in asked.jobs] == ["film-field"]
        assert [one.accepted for one in asked.decisions] == [True]

"""`mediview models try`: what a model finds in a study, before anybody relies on it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from inference.model_registry.adding import add_model
from storage.container import Storage
from tests.inference.films import bright_detector, film, part10
from tests.inference.orchestration import complete_series, receive, storage_in
from tests.inference.plain_models import torchscript_model
from tests.inference.small import PATIENT_NAME, study_uid
from tests.ready_processes import run

ROOT = Path(__file__).parents[3]


def tried(folder: Path, storage: Storage, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        [sys.executable, "-m", "api.cli", "models", "try", *arguments],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "MEDIVIEW_DATA_DIR": str(storage.settings.data_dir),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_film_is_tried_and_nothing_stays(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        # Not even verified: a trial proves it first.
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            bright_detector(tmp_path / "m"),
            "petra",
            hold=True,
        )
        receive(storage, [part10(film("try"))])
        done = tried(tmp_path, storage, "bright-part", study_uid("try"), "--output", "seen.png")
        assert done.returncode == 0, done.stderr
        assert "The image is taken" in done.stdout
        assert "Bright part 1: confidence 9" in done.stdout
        assert "Shown to the model: the image's own VOI LUT or window" in done.stdout
        assert PATIENT_NAME not in done.stdout
        picture = tmp_path / "seen-1.png"
        assert stat.S_IMODE(picture.stat().st_mode) == 0o600
        with Image.open(picture) as image:
            assert min(image.size) >= 512
            # The box: yellow, red and green far above blue, nowhere in a grey film.
            assert any(r > 150 and b < 100 for r, g, b in image.convert("RGB").get_flattened_data())
        assert storage.jobs.list() == ([], 0)
        assert storage.findings.of_study(study_uid("try")) == []
        (series,) = storage.index.series_of(study_uid("try"))
        assert series.instance_count == 1


@pytest.mark.slow
def test_a_volume_is_tried_and_another_series_gets_its_reason(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            torchscript_model(tmp_path / "plain"),
            "petra",
        )
        complete_series(storage, "head", 40)
        receive(storage, [part10(film("only-film"))])
        done = tried(tmp_path, storage, "plain-spleen", study_uid("head"))
        assert done.returncode == 0, done.stderr
        assert "Spleen volume: " in done.stdout
        assert (tmp_path / "trial-1.png").is_file()
        refused = tried(tmp_path, storage, "plain-spleen", study_uid("only-film"))
        assert refused.returncode == 1
        assert "Modality is DX; only MR is taken." in refused.stdout
        assert "Traceback" not in refused.stderr

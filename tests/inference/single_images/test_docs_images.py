"""docs/pipelines/*.md, followed to the letter with models in the real format."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.models.cards.card_file import Card
from inference.rules.facts import SeriesFacts
from inference.rules.judge import judge
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from tests.inference.films import film, part10, segformer, vit, yolos
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview

PAGES = Path(__file__).parents[3] / "docs" / "pipelines"


def block(page: str, language: str) -> str:
    text = (PAGES / f"{page}.md").read_text("utf-8")
    found = re.search(rf"^( *)```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert found is not None, (page, language)
    return "\n".join(line[len(found[1]) :] for line in found[2].splitlines()) + "\n"


@pytest.mark.parametrize(
    ("page", "make", "changes", "label"),
    [
        ("image-classification", vit, {"labels": ("none", "effusion", "mass")}, "Pleural effusion"),
        pytest.param("object-detection", yolos, {}, "Boxes found", marks=pytest.mark.slow),
        pytest.param(
            "image-segmentation", segformer, {}, "share of the image", marks=pytest.mark.slow
        ),
    ],
)
def test_a_model_is_added_and_run_as_its_page_says(
    tmp_path: Path, page: str, make: Callable[..., Path], changes: dict[str, Any], label: str
) -> None:
    command = block(page, "sh").split()
    folder = make(tmp_path / command[-1], **changes)
    card = json.loads(block(page, "json card"))
    (folder / "mediview.json").write_text(json.dumps(card))
    name = f"model-{command[-1].replace('_', '-')}"
    with storage_in(tmp_path) as storage:
        added = mediview(tmp_path, storage, *command[1:])
        assert f"It is active: the pipeline {name} runs with it." in added
        pixels = np.random.default_rng(4).integers(0, 4096, (96, 128)).astype(np.uint16)
        receive(storage, [part10(film("page", pixels=pixels))])
        decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
        assert decisions[name].accepted, decisions[name].reason
        job = run_job(storage, decisions[name].job_id or "", "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")
        labels = [one.label for one in storage.findings.of_job(job.job_id)]
        assert any(label in one for one in labels), labels


def test_the_condition_of_the_page_asks_for_views_and_within_sequences() -> None:
    condition = Card.model_validate(json.loads(block("images", "json accepts"))).accepts
    assert condition is not None
    code, modifier = Dataset(), Dataset()
    code.CodeValue, modifier.CodeValue = "399348003", "399110001"
    assert judge(condition, SeriesFacts([film("a")])).holds
    coded = film("b", ViewPosition="", ViewCodeSequence=[code])
    assert judge(condition, SeriesFacts([coded])).holds
    tangential = film("c", ViewModifierCodeSequence=[modifier])
    assert not judge(condition, SeriesFacts([tangential])).holds
    assert not judge(condition, SeriesFacts([film("d", ViewPosition="LL")])).holds


def test_the_card_of_a_cine_is_one_that_is_followed() -> None:
    from inference.single_images.card import ImageCard

    card = ImageCard.model_validate(json.loads(block("image-segmentation", "json frames")))
    assert card.model.frames is not None
    assert card.model.frames.fractional_area_change == ("1",)


def test_the_pages_name_every_step_and_kind() -> None:
    from inference.single_images.card import ImageModel, Preprocessing

    text = "".join(path.read_text("utf-8") for path in PAGES.glob("*.md"))
    for name in (*Preprocessing.model_fields, *ImageModel.model_fields):
        assert re.search(rf'[`"]{name}[`"]', text) or name == "image", name

"""`mediview evaluate` of a detector, as an operator types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from api.cli.main import command_line
from inference.model_registry.adding import add_model
from inference.model_registry.status import ModelBlocked, standings
from inference.model_registry.transitions import activate
from storage.container import Storage, open_storage
from storage.settings import load_settings
from tests import builders
from tests.api.usual_logging import logging_as_before
from tests.inference.films import bright_detector, film
from tests.inference.single_images.support import PIPELINE
from tests.migrated import upgrade

BOX = "100,60,180,100"


def run(*arguments: str) -> Result:
    with logging_as_before():
        return CliRunner().invoke(command_line(arguments), arguments)


def activated(storage: Storage) -> str:
    (standing,) = (
        one
        for one in standings(storage.settings, storage.model_states)
        if one.pipeline.name == PIPELINE
    )
    return activate(storage.model_states, storage.shadow_runs, standing, "petra").state


def test_a_detector_becomes_active_once_its_boxes_reach_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(data_dir=tmp_path / "node", free_disk_mark_bytes=0)
    upgrade(settings)
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MEDIVIEW_FREE_DISK_MARK_BYTES", "0")
    model = bright_detector(tmp_path / "m")
    card = json.loads((model / "mediview.json").read_text())
    card["gate"] = {"sensitivity_at_1": {"at_least": 0.9}}
    (model / "mediview.json").write_text(json.dumps(card))
    cases = tmp_path / "cases"
    shown, dark = film("shown"), film("dark", pixels=np.full((240, 320), 200, np.uint16))
    for name, image in (("shown", shown), ("dark", dark)):
        (cases / name).mkdir(parents=True)
        builders.write([image], cases / name)

    def evaluated(*lines: str) -> Result:
        (cases / "boxes.csv").write_text("\n".join(["image,label,x0,y0,x1,y1", *lines]))
        out = str(tmp_path / "out")
        return run("evaluate", PIPELINE, "--cases", str(cases), "--output", out)

    with open_storage(settings) as storage:
        add_model(settings, storage.model_states, storage.shadow_runs, model, "petra")
        with pytest.raises(ModelBlocked, match="never evaluated here"):
            activated(storage)
        missed = evaluated(
            f"{shown.SOPInstanceUID},Bright part,{BOX}",
            f"{dark.SOPInstanceUID},Bright part,{BOX}",
        )
        assert missed.exit_code == 2, missed.output
        assert "sensitivity_at_1 is 0.5, at least 0.9 is asked" in missed.output
        with pytest.raises(ModelBlocked, match=r"sensitivity_at_1 is 0\.5"):
            activated(storage)
        found = evaluated(
            f"{shown.SOPInstanceUID},Bright part,{BOX}", f"{dark.SOPInstanceUID},,,,,"
        )
        assert found.exit_code == 0, found.output
        assert "Free-response ROC" in (tmp_path / "out" / "evaluation.html").read_text()
        assert activated(storage) == "active"

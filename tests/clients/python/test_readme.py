"""The tutorial, as somebody follows it."""

import json
import os
import re
import runpy
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from tests.clients.python.node import ClosedNode

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"


def test_the_tutorial_runs_from_top_to_bottom(
    closed: ClosedNode,
    study_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(study_folder, tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NODE_URL", closed.url)
    monkeypatch.setenv("NODE_KEY", closed.key)
    names: dict[str, Any] = {"__name__": "tutorial"}
    for block in re.finditer(r"^```python\n(.*?)^```$", README.read_text(), re.M | re.S):
        line = README.read_text()[: block.start()].count("\n")
        exec(compile("\n" * line + block[1], str(README), "exec"), names)
    shown = capsys.readouterr().out
    assert "100%" in shown
    assert "brain-volume does not run: " in shown
    assert "Bright volume" in shown
    assert "UNVERIFIED" in shown
    assert "9 instances were there already" in shown
    assert "422 unknown_parameter" in shown
    assert "Did you mean 'modality'?" in shown
    assert names["pdf"].startswith(b"%PDF-")
    with Image.open(tmp_path / "study.png") as plot:
        assert len(plot.convert("RGB").getcolors(10**6) or ()) > 100, "there is an image in it"


def test_the_example_plots_a_study(
    closed: ClosedNode, study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_URL", closed.url)
    monkeypatch.setenv("NODE_KEY", closed.key)
    example = runpy.run_path(str(README.parent / "examples" / "plot_study.py"))
    example["main"](study_folder, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.size == (1200, 400)
        assert len(plot.convert("RGB").getcolors(10**6) or ()) > 100


def test_the_notebook_runs_from_top_to_bottom(
    closed: ClosedNode, study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(study_folder, tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NODE_URL", closed.url)
    monkeypatch.setenv("NODE_KEY", closed.key)
    matplotlib.use("Agg")
    notebook = json.loads((README.parent / "examples" / "study.ipynb").read_text())
    names: dict[str, Any] = {}
    for number, cell in enumerate(notebook["cells"]):
        assert not cell.get("outputs"), "a notebook is kept without what it showed"
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert [len(panel.images) for panel in names["panels"]] == [2, 2, 2]
    plt.close(names["figure"])


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_first_steps_of_the_api_page_run(
    closed: ClosedNode, study_folder: Path, tmp_path: Path
) -> None:
    page = (README.parents[2] / "docs" / "api.md").read_text()
    (steps,) = re.findall(r"^```sh\n(curl.*?)^```$", page, re.M | re.S)
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in study_folder.glob("IM*"):
            archive.write(path, path.name)
    environment = {"NODE": closed.url, "KEY": closed.key, "PATH": os.environ["PATH"]}
    for step in steps.strip().split("\n\n"):
        run = subprocess.run(
            ["bash", "-euc", step],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, f"{step}\n{run.stdout}{run.stderr}"
        assert '"detail"' not in run.stdout[:200], run.stdout

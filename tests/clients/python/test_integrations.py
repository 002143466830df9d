"""The examples of docs/integrations.md, as somebody follows them."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from mediview_client import MediView
from tests import builders
from tests.api.client import part10
from tests.clients.python.node import ClosedNode
from tests.e2e.support.ohif import configuration
from tests.patience import PATIENCE_S
from tests.services import orthanc

PAGE = (Path(__file__).parents[3] / "docs" / "integrations.md").read_text()


def blocks(heading: str, language: str) -> list[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)


def test_orthanc_searches_fetches_and_sends_over_dicomweb(
    closed: ClosedNode, node: MediView, study_instance_uid: str, tmp_path: Path
) -> None:
    (written,) = blocks("Orthanc over DICOMweb", "json")
    options = json.loads(
        written.replace("https://mediview.example.org", closed.url).replace("KEY", closed.key)
    )
    if not Path(options["Plugins"][0]).exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed (Debian package orthanc-dicomweb)")
    (sent,) = builders.series(np.zeros((1, 8, 8), np.int16), modality="CT", seed=77)
    with orthanc(tmp_path, options=options) as server:
        added = httpx.post(f"{server.url}/instances", content=part10(sent)).json()
        (script,) = blocks("Orthanc over DICOMweb", "sh")
        run = subprocess.run(
            ["bash", "-euc", script],
            env={
                **os.environ,
                "ORTHANC": server.url,
                "STUDY": study_instance_uid,
                "ORTHANC_STUDY": added["ParentStudy"],
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        found = httpx.post(f"{server.url}/tools/lookup", content=study_instance_uid).json()
        assert [one["Type"] for one in found] == ["Study"]
        fetched = httpx.get(f"{server.url}/studies/{found[0]['ID']}/statistics").json()
    assert study_instance_uid in run.stdout
    assert int(fetched["CountInstances"]) == node.studies.get(study_instance_uid)["instance_count"]
    deadline = time.monotonic() + PATIENCE_S
    while sent.StudyInstanceUID not in {
        one["study_instance_uid"] for one in node.studies.search(modality="CT")
    }:
        assert time.monotonic() < deadline, "the study did not arrive at the node"
        time.sleep(0.1)


def test_ohif_is_configured_as_it_is_tested() -> None:
    (written,) = blocks("OHIF", "json")
    used = configuration("https://mediview.example.org/dicom-web").decode()
    tested = json.loads(used.removeprefix("window.config = ").removesuffix(";"))
    assert json.loads(written).items() <= tested.items()


def test_dicomweb_client_reads_studies(
    closed: ClosedNode,
    study_instance_uid: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NODE_URL", closed.url)
    monkeypatch.setenv("NODE_KEY", closed.key)
    (example,) = blocks("dicomweb-client", "python")
    exec(compile(example, "integrations.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert any(one.startswith(study_instance_uid) and "SEG" in one for one in lines)

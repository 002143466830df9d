"""The examples of docs/integrations.md, as somebody follows them."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom import Dataset
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from api.cli.peers import app as peers_app
from mediview_client import MediView
from storage.container import open_storage
from storage.settings import load_settings
from tests import builders
from tests.api.client import part10
from tests.api.usual_logging import logging_as_before
from tests.clients.python.node import ClosedNode
from tests.e2e.support.ohif import configuration
from tests.migrated import upgrade
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


def test_slicer_imports_a_study(
    closed: ClosedNode,
    node: MediView,
    study_instance_uid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The requests of `DICOMUtils.importFromDICOMWeb`, as Slicer's source has them."""

    def import_from(*, dicomWebEndpoint: str, studyInstanceUID: str, accessToken: str) -> None:
        headers = {"Authorization": f"Bearer {accessToken}"}
        client = DICOMwebClient(url=dicomWebEndpoint, headers=headers)
        for series in client.search_for_series(study_instance_uid=studyInstanceUID):
            named = {
                "study_instance_uid": studyInstanceUID,
                "series_instance_uid": series["0020000E"]["Value"][0],
            }
            count = len(client.retrieve_series_metadata(**named))
            instances = list(client.iter_series(**named))
            assert len(instances) == count
            for instance in instances:
                instance.save_as(tmp_path / f"{instance.SOPInstanceUID}.dcm")

    library = ModuleType("DICOMLib")
    library.DICOMUtils = SimpleNamespace(importFromDICOMWeb=import_from)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "DICOMLib", library)
    (example,) = blocks("3D Slicer", "python")
    written = example.replace("https://mediview.example.org", closed.url)
    written = written.replace("KEY", closed.key).replace("STUDY", study_instance_uid)
    exec(compile(written, "integrations.md", "exec"), {})
    count = node.studies.get(study_instance_uid)["instance_count"]
    assert len(list(tmp_path.iterdir())) == count


def test_slicers_dicomweb_browser_signs_in_by_netrc(
    closed: ClosedNode,
    study_instance_uid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (line,) = re.findall(r"^machine .*$", PAGE, re.M)
    written = line.replace("mediview.example.org", "127.0.0.1").replace("slicer", "ris")
    (tmp_path / "netrc").write_text(written.replace("mvk_…", closed.key))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client = DICOMwebClient(f"{closed.url}/dicom-web")
    studies: list[dict[str, Any]] = []
    while found := client.search_for_studies(offset=len(studies)):
        studies += found
    assert [one["0020000D"]["Value"] for one in studies].count([study_instance_uid]) == 1
    series = client.search_for_series(study_instance_uid)[0]["0020000E"]["Value"][0]
    instance = client.search_for_instances(study_instance_uid, series)[0]
    uid = instance["00080018"]["Value"][0]
    assert client.retrieve_instance(study_instance_uid, series, uid).SOPInstanceUID == uid


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No bulk data URI handler")
def test_monai_label_finds_images_and_labels_and_stores_labels(
    closed: ClosedNode, study_instance_uid: str, tmp_path: Path
) -> None:
    """The requests of its datastore of DICOMweb, as its source has them."""
    (script,) = blocks("MONAI Label", "sh")
    wanted = json.loads(re.search(r"SEARCH_FILTER='(.*)'", script)[1])  # type: ignore[index]
    session = create_session_from_user_pass("ris", closed.key)
    client = DICOMwebClient(f"{closed.url}/dicom-web", session=session)

    def series_of(filters: dict[str, str]) -> list[Dataset]:
        return [Dataset.from_json(one) for one in client.search_for_series(search_filters=filters)]

    images = [one for one in series_of(wanted) if one.StudyInstanceUID == study_instance_uid]
    (image,) = images
    (found,) = series_of({"SeriesInstanceUID": image.SeriesInstanceUID})
    assert len(client.retrieve_series(found.StudyInstanceUID, found.SeriesInstanceUID)) == 9
    labels = [
        one for one in series_of({"Modality": "SEG"}) if one.StudyInstanceUID == study_instance_uid
    ]
    for label in labels:
        (meta,) = client.retrieve_series_metadata(label.StudyInstanceUID, label.SeriesInstanceUID)
        referenced = Dataset.from_json(meta).ReferencedSeriesSequence[0]
        assert referenced.SeriesInstanceUID == image.SeriesInstanceUID
    (made, *_) = client.retrieve_series(labels[0].StudyInstanceUID, labels[0].SeriesInstanceUID)
    # In a study of its own, which leaves that of the other tests as it is.
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    stored = client.store_instances([made])
    urls = [str(one.value) for one in stored.iterall() if "/series/" in str(one.value)]
    assert urls[0].split("/series/")[1].split("/")[0] == made.SeriesInstanceUID


def test_napari_is_given_voxels_and_their_places(
    closed: ClosedNode, study_instance_uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers: dict[str, tuple[Any, Any]] = {}

    def add(data: Any, *, name: str, affine: Any) -> None:
        layers[name] = data, affine

    napari = ModuleType("napari")
    shown = SimpleNamespace(add_image=add, add_labels=add)
    napari.Viewer = lambda: shown  # type: ignore[attr-defined]
    napari.run = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "napari", napari)
    monkeypatch.setenv("NODE_URL", closed.url)
    monkeypatch.setenv("NODE_KEY", closed.key)
    monkeypatch.setenv("STUDY", study_instance_uid)
    (example,) = blocks("napari", "python")
    names: dict[str, Any] = {}
    exec(compile(example, "integrations.md", "exec"), names)
    image, affine = layers.pop("image")
    (labels, of_labels), *_ = layers.values()
    assert labels.shape == image.shape
    assert np.issubdtype(labels.dtype, np.integer)
    assert image[labels > 0].mean() > image[labels == 0].mean()
    np.testing.assert_allclose(of_labels, affine, atol=1e-6)
    # Where DICOM says that the voxel is, counted from its last axis on (PS3.3 C.7.6.2.1-1).
    k, j, i = 4, 10, 7
    x, y, z, _ = names["volume"].affine @ (k, j, i, 1)
    np.testing.assert_allclose(affine @ (k, j, i, 1), (z, y, x, 1))


def test_commands_of_the_page_add_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    upgrade(settings)
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(settings.data_dir))
    commands = re.findall(r"mediview (peers add (?!orthanc https)[^\n`]+)", PAGE)
    with logging_as_before():
        for command in commands:
            result = CliRunner().invoke(peers_app, shlex.split(command)[1:])
            assert result.exit_code == 0, (command, result.output, result.exception)
    with open_storage(settings) as storage:
        known = {one.name: one for one in storage.peers.all()}
    assert known["xnat"].is_destination
    assert (known["xnat"].ae_title, known["xnat"].may) == ("XNAT", frozenset())
    assert not known["xnat-dqr"].is_destination
    assert known["xnat-dqr"].may == {"query", "retrieve"}
    assert known["orthanc"].port == 4242

"""DICOMweb over a project: what was planted in its instances leaves by none of its answers."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.projects.export import export_due
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.inference.deidentification.planting import Planter, image, presentation, report
from tests.inference.deidentification.test_planted_identifiers import part10
from tests.services import free_port

# Planted values are longer than their VR allows, as senders write them.
pytestmark = pytest.mark.filterwarnings("ignore:The value length")

OPTIONS = ["clean-descriptors", "clean-structured-content", "clean-graphics"]
PROJECT = "/api/v1/projects/stroke"
STUDIES = f"{PROJECT}/dicom-web/studies"


@pytest.fixture
def node(api_settings: Settings, tmp_path: Path) -> Iterator[ApiNode]:
    more = {"http_port": free_port(), "export_dir": tmp_path / "exports"}
    with api_node(api_settings.model_copy(update=more)) as made:
        yield made


def in_project(node: ApiNode, *datasets: Dataset, **more: object) -> None:
    for ds in datasets:
        assert node.storage.ingest.accept(part10(ds), "test").outcome == "stored"
    wanted = {"name": "stroke", "options": OPTIONS, **more}
    assert node.client.post("/api/projects", json=wanted).status_code == 201
    uids = sorted({str(ds.StudyInstanceUID) for ds in datasets})
    answer = node.client.post(f"{PROJECT}/studies", json={"study_instance_uids": uids})
    assert answer.status_code == 200, answer.text


def value(found: dict[str, dict[str, list[str]]], tag: str) -> str:
    return str(found[tag]["Value"][0])


def everything(answers: list[httpx.Response]) -> str:
    texts = []
    for answer in answers:
        texts += [answer.content.decode("latin-1"), answer.content.decode("utf-16-le", "ignore")]
        texts += [str(answer.headers), str(answer.url)]
    return "\n".join(texts).casefold()


def parts(answer: httpx.Response) -> list[bytes]:
    boundary = re.search(r"boundary=([0-9a-f]+)", answer.headers["content-type"])
    assert boundary is not None
    mark = f"--{boundary[1]}".encode()
    return [
        piece.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        for piece in answer.content.split(mark)[1:-1]
    ]


def test_nothing_that_was_planted_leaves_by_any_answer(
    node: ApiNode, capfd: pytest.CaptureFixture[str]
) -> None:
    planters = [Planter(seed) for seed in (170, 171, 172)]
    made = [make(one) for make, one in zip((image, report, presentation), planters, strict=True)]
    in_project(node, *made)
    answers = [node.client.get(STUDIES)]
    studies = answers[0].json()
    assert len(studies) == 3
    for study in studies:
        of_study = f"{STUDIES}/{value(study, '0020000D')}/series"
        answers.append(node.client.get(of_study))
        (series,) = answers[-1].json()
        of_series = f"{of_study}/{value(series, '0020000E')}"
        answers += [node.client.get(f"{of_series}/{one}") for one in ("instances", "metadata")]
        (listed,), (metadata,) = (one.json() for one in answers[-2:])
        of_instance = f"{of_series}/instances/{value(listed, '00080018')}"
        answers += [node.client.get(of_instance), node.client.get(f"{of_instance}/metadata")]
        (content,) = parts(answers[-2])
        found = pydicom.dcmread(io.BytesIO(content))
        assert found.PatientIdentityRemoved == "YES"
        for tag, keyword in (
            ("0020000D", "StudyInstanceUID"),
            ("00080018", "SOPInstanceUID"),
            ("00100020", "PatientID"),
        ):
            assert value(metadata, tag) == str(found[keyword].value)
        assert found.PatientID == value(study, "00100020")
        if "PixelData" in found:
            assert metadata["7FE00010"]["BulkDataURI"].endswith("/frames/1")
            answers.append(node.client.get(f"{of_instance}/frames/1"))
            assert parts(answers[-1]) == [found.PixelData[: len(parts(answers[-1])[0])]]
            assert len(parts(answers[-1])[0]) == found.Rows * found.Columns * 2
            is_problem(node.client.get(f"{of_instance}/frames/99"), 404, "not_found")
    assert all(one.status_code == 200 for one in answers), [one.text[:300] for one in answers]
    text = everything(answers)
    planted = [one for planter in planters for one in planter.planted]
    assert len(planted) > 150
    assert [one for one in planted if one.casefold() in text] == []
    written = "".join(capfd.readouterr())
    assert not any(one in written for one in planted[:40])
    trail = node.client.get("/api/audit?limit=100").json()["items"]
    assert any(one["detail"].get("via") == "DICOMweb, de-identified" for one in trail)


def test_pseudonyms_are_those_of_an_export(node: ApiNode, tmp_path: Path) -> None:
    in_project(node, image(Planter(180)))
    asked = node.client.post(f"{PROJECT}/exports", json={"folder": "stroke/first"})
    assert asked.status_code == 202, asked.text
    assert export_due(node.storage, "test") == 1
    (exported,) = (tmp_path / "exports").rglob("*.dcm")
    found = pydicom.dcmread(exported)
    (study,) = node.client.get(STUDIES, params={"PatientID": found.PatientID}).json()
    assert value(study, "0020000D") == found.StudyInstanceUID
    path = f"{STUDIES}/{found.StudyInstanceUID}/series/{found.SeriesInstanceUID}"
    whole = node.client.get(
        f"{path}/instances/{found.SOPInstanceUID}", headers={"Accept": "application/dicom"}
    )
    assert whole.content == exported.read_bytes()
    assert node.client.get(STUDIES, params={"PatientID": "P-NOBODY"}).json() == []


def test_what_may_not_leave_is_not_there(node: ApiNode) -> None:
    ds = image(Planter(190), BurnedInAnnotation="YES")
    in_project(node, ds)
    for original in (ds.StudyInstanceUID, "1.2.3"):
        is_problem(node.client.get(f"{STUDIES}/{original}/series"), 404, "not_found")
    (study,) = node.client.get(STUDIES).json()
    of_study = f"{STUDIES}/{value(study, '0020000D')}/series"
    (series,) = node.client.get(of_study).json()
    of_series = f"{of_study}/{value(series, '0020000E')}"
    (listed,) = node.client.get(f"{of_series}/instances").json()
    of_instance = f"{of_series}/instances/{value(listed, '00080018')}"
    for path in (of_instance, f"{of_instance}/metadata", f"{of_instance}/frames/1"):
        is_problem(node.client.get(path), 422, "cannot_deidentify")
    answer = node.client.get(f"{of_series}/metadata")
    assert answer.json() == []
    assert "1 instances cannot be de-identified" in answer.headers["warning"]
    refused = node.client.get(of_instance, headers={"Accept": "image/jpeg"})
    is_problem(refused, 406, "not_acceptable")


def test_studies_without_the_consent_that_a_project_needs_are_not_there(node: ApiNode) -> None:
    in_project(node, image(Planter(195)), needs_consent=True)
    assert node.client.get(STUDIES).json() == []

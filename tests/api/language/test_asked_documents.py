"""Documents that are sent along with a question, or that the node has."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from storage.core.uids import derive_uid
from tests.api.client import ApiNode, is_problem, part10
from tests.api.language.texts import letter, study_with_finding


def test_a_document_that_is_sent_along(asked: ApiNode) -> None:
    answer = asked.client.post(
        "/api/docqa",
        files={"file": ("letter.pdf", letter(), "application/pdf")},
        data={"question": "When is the next appointment?"},
    )
    assert answer.status_code == 200, answer.text
    passage = answer.json()["passages"][0]
    assert passage["text"] == "3 March 2026."
    assert passage["page_number"] == 1
    assert 50 / 400 <= passage["box"][0] < passage["box"][2] <= 1
    assert answer.json()["text"] == passage["text"]
    assert "HF_DQA_MODEL" in answer.json()["notes"][0]
    path = f"/api/answers/{answer.json()['job_id']}/pages"
    page = asked.client.get(f"{path}/1")
    assert page.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(page.content)) as picture:
        left, top, right, bottom = passage["box"]
        width, height = picture.size
        box = (left * width, top * height, right * width, bottom * height)
        ink = np.asarray(picture.convert("L").crop(tuple(round(edge) for edge in box)))
    assert (ink < 128).mean() > 0.05, "the words stand in the box"
    is_problem(asked.client.get(f"{path}/2"), 404, "not_found")
    meant = asked.client.post(
        "/api/docqa",
        files={"file": ("letter.pdf", letter(), "application/pdf")},
        data={"question": "How much bisoprolol does she get?"},
    ).json()
    assert "5 mg" in meant["text"]
    absent = asked.client.post(
        "/api/docqa",
        files={"file": ("letter.pdf", letter(), "application/pdf")},
        data={"question": "What is the patient's blood group?"},
    ).json()
    assert (absent["text"], absent["passages"]) == ("", [])
    assert any(note.startswith("No answer was found.") for note in absent["notes"])


def test_a_scan_that_is_sent_along(asked: ApiNode) -> None:
    image = Image.new("L", (900, 300), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(36)
    draw.text((40, 40), "Discharge after four days", fill=0, font=font)
    draw.text((40, 180), "Dose of heparin: twelve units", fill=0, font=font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    answer = asked.client.post(
        "/api/docqa",
        files={"file": ("scan.png", buffer.getvalue(), "image/png")},
        data={"question": "What is the dose of heparin?"},
    ).json()
    assert "twelve units" in answer["passages"][0]["text"]
    assert answer["passages"][0]["box"][1] == pytest.approx(180 / 300, abs=0.1)


def test_a_document_of_the_node(asked: ApiNode) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = EncapsulatedPDFStorage
    dataset.SOPInstanceUID = derive_uid("document")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.71", "2.25.72"
    dataset.PatientID, dataset.Modality = "P1", "DOC"
    pdf = letter()
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    dataset.EncapsulatedDocumentLength = len(pdf)
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    asked.storage.ingest.accept(part10(dataset), "dimse:DOC")
    body = {
        "sop_instance_uid": str(dataset.SOPInstanceUID),
        "question": "How much bisoprolol does the patient take?",
    }
    answer = asked.client.post("/api/docqa", json=body).json()
    assert "5 mg of bisoprolol" in answer["passages"][0]["text"]
    study, _ = study_with_finding(asked)
    image = asked.storage.index.instances_of(study)[0]
    wrong = asked.client.post(
        "/api/docqa", json={**body, "sop_instance_uid": image.sop_instance_uid}
    )
    is_problem(wrong, 422, "invalid_request")


def test_what_is_no_document_is_refused(reading_api: ApiNode) -> None:
    client = reading_api.client
    question = {"question": "What is it?"}
    for files, status, code in (
        ({"file": ("a.gif", b"GIF89a")}, 400, "invalid_request"),
        ({"other": ("a", b"x")}, 422, "validation_failed"),
    ):
        is_problem(client.post("/api/docqa", files=files, data=question), status, code)
    short = client.post("/api/docqa", files={"file": ("a.pdf", letter())}, data={"question": "?"})
    is_problem(short, 422, "validation_failed")
    for body in (b"{}", b"no json", b'{"question": "What is it?", "sop_instance_uid": "x"}'):
        headers = {"Content-Type": "application/json"}
        answer = client.post("/api/docqa", content=body, headers=headers)
        is_problem(answer, 422, "validation_failed")

"""The heat map of a film by FHIR: an image of the report, whose address answers with a picture."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.model_registry.adding import add_model
from inference.reports.due import draft_due
from storage.settings import Settings
from tests.api.client import ApiNode, api_node
from tests.api.fhir.test_fhir import read
from tests.inference.films import bright_classifier, film
from tests.inference.orchestration import later
from tests.inference.single_images.support import done
from tests.services import free_port


@pytest.fixture
def api(storage_settings: Settings) -> Iterator[ApiNode]:
    changes = {"http_port": free_port(), "result_kinds": ("SC",)}
    with api_node(storage_settings.model_copy(update=changes)) as node:
        yield node


def test_a_report_leads_to_the_picture_with_the_heat_in_red(api: ApiNode, tmp_path: Path) -> None:
    storage = api.storage
    folder = bright_classifier(tmp_path / "m", heat_map={"grid": 4})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    pixels = np.full((240, 320), 700, np.uint16)
    pixels[20:90, 90:180] = 3800
    dataset = film("fhir", pixels=pixels)
    done(storage, dataset)
    draft_due(storage, later(7200))
    query = {"study": str(dataset.StudyInstanceUID)}
    bundle = read(api.client.get("/fhir/DiagnosticReport", params=query), "Bundle")
    (entry,) = bundle.entry
    report = read(api.client.get(f"/fhir/DiagnosticReport/{entry.resource.id}"), "DiagnosticReport")
    assert report.as_json() == entry.resource.as_json()
    (shown,) = report.media
    assert "Heat map of Bright part" in shown.comment
    (media,) = (one for one in report.contained if one.resource_type == "Media")
    assert shown.link.reference == f"#{media.id}"
    assert media.subject.reference == "#patient"
    path = media.content.url.removeprefix(storage.settings.resolved_public_url)
    answer = api.client.get(path, headers={"accept": media.content.contentType})
    assert answer.status_code == 200
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)
    red = (picture[..., 0] - picture[..., 2] > 60).nonzero()
    assert len(red[0]) > 500
    # Of 512 rows of the film and a caption below; the bright part lies in the upper half.
    assert np.median(red[0]) < 256

    instance = media.identifier[0].value.removeprefix("urn:oid:")
    study = read(api.client.get(f"/fhir/ImagingStudy/{dataset.StudyInstanceUID}"), "ImagingStudy")
    listed = {
        one.uid: one.sopClass.code for series in study.series for one in series.instance or ()
    }
    assert listed[instance] == "urn:oid:1.2.840.10008.5.1.4.1.1.7"

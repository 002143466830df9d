"""The heat map of a film is an image of the report that is written to a FHIR server."""

import json
from pathlib import Path

import pytest

from inference.deliveries.service import deliver_due
from inference.model_registry.adding import add_model
from storage.core.clock import utcnow
from tests.inference.deliveries.destinations.fhir_node import one_of, writing
from tests.inference.films import bright_classifier, film
from tests.inference.single_images.heat_maps.heated import MEANING, heated, oblique_slice
from tests.inference.single_images.support import done


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_report_shows_the_picture_and_the_map(tmp_path: Path, version: str) -> None:
    """Of a slice with a place in the patient both; contained, with the address of the pixels."""
    settings = {"result_kinds": "SC"}
    with writing(tmp_path, version, settings) as (server, storage):
        folder = heated(tmp_path / "m", "dictionary", "cam")
        card = json.loads((folder / "mediview.json").read_text())
        card["model"]["modalities"] = ["CT"]
        (folder / "mediview.json").write_text(json.dumps(card))
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        dataset = oblique_slice("fhir")
        job = done(storage, dataset)
        assert deliver_due(storage, utcnow(), "sender") >= 1
        report = one_of(server, "DiagnosticReport")
        contained = {f"#{one['id']}": one for one in report["contained"]}
        images = [contained[one["link"]["reference"]] for one in report["media"]]
        made = {one["kind"]: one for one in job.result["instances"]}
        for image, comment, kind, (form, end) in zip(
            images,
            (one["comment"] for one in report["media"]),
            ("SC", "PM"),
            (("image/jpeg", "/rendered"), ("application/dicom", "")),
            strict=True,
        ):
            uid = made[kind]["sop_instance_uid"]
            assert image["identifier"] == [
                {"use": "official", "system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}
            ]
            if version == "R4":
                assert (image["resourceType"], image["status"]) == ("Media", "completed")
                content = image["content"]
            else:
                assert (image["resourceType"], image["status"]) == ("DocumentReference", "current")
                content = image["content"][0]["attachment"]
            assert content["contentType"] == form
            assert content["url"] == (
                f"{storage.settings.resolved_public_url}/dicom-web/studies"
                f"/{dataset.StudyInstanceUID}/series/{made[kind]['series_instance_uid']}"
                f"/instances/{uid}{end}"
            )
            assert image["subject"]["reference"].startswith("Patient/")
            assert MEANING.rstrip(".") in comment
            assert "not where a disease is. UNVERIFIED" in comment


def test_a_film_without_a_picture_has_a_report_without_images(tmp_path: Path) -> None:
    with writing(tmp_path) as (server, storage):
        folder = bright_classifier(tmp_path / "m", heat_map={"grid": 2})
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        done(storage, film("bare"))
        assert deliver_due(storage, utcnow(), "sender") >= 1
        report = one_of(server, "DiagnosticReport")
    assert "media" not in report
    assert "contained" not in report

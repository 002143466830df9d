"""What another group's study states as its patient's name stays with who may see that study."""

from collections.abc import Iterator

import numpy as np
import pytest

from inference.access_groups.service import apply_rules
from storage.core.clock import utcnow
from tests.api.access_groups.two_groups import NORTH, SOUTH, TwoHospitals
from tests.api.client import part10
from tests.builders import series

TWIN = "TWIN-0042"
DICOM_JSON = {"Accept": "application/dicom+json"}


@pytest.fixture
def studies(hospitals: TwoHospitals) -> Iterator[dict[str, str]]:
    """One patient, whose first study North has under another name."""
    storage = hospitals.storage
    found = {}
    for group, name, ae_title, institution, seed in (
        (NORTH, "Nsecreta^Nele", "CTN", "Hospital N", 71),
        (SOUTH, "Southa^Sara", "CTS", "South Clinic", 72),
    ):
        (instance,) = series(
            np.zeros((1, 8, 8), np.uint16),
            seed=seed,
            PatientID=TWIN,
            PatientName=name,
            PatientBirthDate="19500505",
            InstitutionName=institution,
        )
        storage.ingest.accept(part10(instance), f"dimse:{ae_title}")
        found[group] = str(instance.StudyInstanceUID)
    apply_rules(storage, utcnow(), budget_s=60)
    storage.jobs.schedule("brain-volume", "1.1.0", found[SOUTH], "2.25.72", "twin")
    yield found
    for uid in found.values():
        storage.deletions.study(uid)


def test_no_list_shows_the_name_of_another_groups_study(
    hospitals: TwoHospitals, studies: dict[str, str]
) -> None:
    south, north = studies[SOUTH], studies[NORTH]
    with hospitals.key("twin", "radiologist", SOUTH) as client:
        answers = [
            client.get(path, headers=DICOM_JSON if "dicom-web" in path else None)
            for path in (
                f"/api/studies/{south}",
                "/api/studies?q=southa",
                f"/api/studies?patient_id={TWIN}",
                f"/api/jobs?study_instance_uid={south}",
                f"/dicom-web/studies?PatientID={TWIN}",
                "/dicom-web/studies?PatientName=southa*",
                f"/dicom-web/series?PatientID={TWIN}&includefield=PatientName",
                f"/dicom-web/studies/{south}/instances?includefield=PatientName",
                f"/dicom-web/workitems?PatientID={TWIN}",
                f"/fhir/ImagingStudy?patient={TWIN}",
            )
        ]
        for answer in answers:
            assert answer.status_code == 200, answer.text
            assert "Southa" in answer.text, answer.url
            assert "Nsecreta" not in answer.text, answer.url
            assert north not in answer.text
        for path in ("/api/studies?q=nsecreta", "/dicom-web/studies?PatientName=Nsecreta*"):
            assert south not in client.get(path, headers=DICOM_JSON).text
        assert client.get(f"/api/studies/{south}").json()["patient_notices"] == []
    with hospitals.node.with_key("twins", "admin") as admin:
        listed = admin.get(f"/api/studies?patient_id={TWIN}").json()["items"]
        detail = admin.get(f"/api/studies/{south}").json()
    assert {one["patient_name"] for one in listed} == {"Nsecreta^Nele", "Southa^Sara"}
    for one in (*listed, detail):
        (notice,) = one["patient_notices"]
        assert notice["code"] == "different_patient_names"
        assert "different names" in notice["text"]

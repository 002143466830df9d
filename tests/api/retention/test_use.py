"""Whoever opens, retrieves or searches within a study uses it; a list of studies does not."""

from storage.core.clock import utcnow
from tests.api.client import ApiNode
from tests.inference.orchestration import wait_for
from tests.inference.retention.studies import study

USES = {
    "opened": "/api/studies/{}",
    "retrieved": "/dicom-web/studies/{}",
    "metadata": "/dicom-web/studies/{}/metadata",
    "searched within": "/dicom-web/studies/{}/series",
    "fhir": "/fhir/ImagingStudy?identifier=urn:oid:{}",
}
NO_USES = ("/api/studies", "/dicom-web/studies", "/api/retention", "/api/deliveries")


def test_what_counts_as_a_use(api: ApiNode) -> None:
    studies = {name: study(api.storage, name) for name in USES}
    unused = study(api.storage, "unused")
    for path in NO_USES:
        assert api.client.get(path).status_code == 200
    for name, path in USES.items():
        accept = (
            {"Accept": "multipart/related; type=application/dicom"} if name == "retrieved" else {}
        )
        answer = api.client.get(path.format(studies[name]), headers=accept)
        assert answer.status_code == 200, (name, answer.text)

    def used() -> set[str]:
        api.storage.study_uses.read_trail(utcnow())
        found = api.storage.study_attributes.read([*studies.values(), unused])
        return {one.study_instance_uid for one in found if one.last_used_at is not None}

    wait_for(lambda: used() >= set(studies.values()), "the use of each study", limit_s=20)
    assert used() == set(studies.values())

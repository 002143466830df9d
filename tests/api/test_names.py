"""A name in any character set is one name wherever the node shows it or is asked for it."""

import pytest

from tests.api.client import ApiNode
from tests.names import NAMES, EncodedName, named_file


@pytest.fixture(scope="module")
def by_uid() -> dict[str, EncodedName]:
    return {f"1.2.840.98.{number}": name for number, name in enumerate(NAMES, start=1)}


def test_names_are_listed_found_and_sent_as_text(
    api: ApiNode, by_uid: dict[str, EncodedName]
) -> None:
    for uid, name in by_uid.items():
        api.storage.ingest.accept(
            named_file(name.character_set, name=name.value, uid=uid), "dimse:MODALITY"
        )
    for uid, name in by_uid.items():
        study = f"{uid}.1"
        groups = dict(
            zip(("Alphabetic", "Ideographic", "Phonetic"), name.text.split("="), strict=False)
        )
        words = [part for part in name.text.replace("=", "^").split("^") if part]
        for query in ({"StudyInstanceUID": study}, {"PatientName": name.text}):
            rows = api.client.get("/dicom-web/studies", params=query).json()
            (row,) = [one for one in rows if one["0020000D"]["Value"] == [study]]
            assert row["00100010"]["Value"] == [groups]
        (instance,) = api.client.get(f"/dicom-web/studies/{study}/metadata").json()
        assert instance["00100010"]["Value"] == [groups]
        for word in words:
            found = api.client.get("/api/studies", params={"q": word, "limit": 100}).json()
            assert study in [one["study_instance_uid"] for one in found["items"]], word
        assert words[0] in api.client.get(f"/fhir/ImagingStudy/{study}").text

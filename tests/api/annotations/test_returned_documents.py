"""What a reader saved goes on after the study has left the node and come back from the PACS."""

from io import BytesIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE

from dicom_node.server.scp import start_scp
from storage.maintenance.content_digests import digest_contents
from tests import builders
from tests.api.client import ApiNode, part10


def archived(api: ApiNode, study: str) -> list[Dataset]:
    """All of the study, as a PACS has it that keeps everything in Implicit VR."""
    documents: list[Dataset] = []
    for instance in api.storage.index.instances_of(study):
        document = dcmread(BytesIO(api.storage.instances.read(instance)))
        document.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        file = BytesIO()
        document.save_as(file, implicit_vr=True, little_endian=True)
        documents.append(dcmread(BytesIO(file.getvalue())))
    return documents


def sent_back(api: ApiNode, documents: list[Dataset]) -> None:
    scp = start_scp(api.storage)
    try:
        ae = AE("PACS")
        for document in documents:
            ae.add_requested_context(document.SOPClassUID, ImplicitVRLittleEndian)
        association = ae.associate("127.0.0.1", scp.port)
        assert association.is_established
        for document in documents:
            assert association.send_c_store(document).Status == 0
        association.release()
    finally:
        scp.shutdown(grace_s=1.0)


def test_key_images_and_measurements_can_be_continued_after_retention(api: ApiNode) -> None:
    images = builders.series(np.zeros((3, 16, 20), np.int16), modality="CT", seed=31)
    for image in images:
        api.storage.ingest.accept(part10(image), "dimse:CT1")
    study = str(images[0].StudyInstanceUID)
    chosen = {"sop_instance_uid": images[1].SOPInstanceUID}
    drawn = {"shape": "LENGTH", "points": [[2.5, 3.5], [8.5, 3.5]], **chosen}
    bodies = {
        "key-images": {"title": "OF_INTEREST", "images": [chosen]},
        "measurements": {"title": "Lengths", "measurements": [drawn]},
    }
    first = {}
    for kind, body in bodies.items():
        answer = api.client.post(f"/api/studies/{study}/{kind}", json=body)
        assert answer.status_code == 201, answer.text
        first[kind] = answer.json()["sop_instance_uid"]
    # Maintenance has been there.
    digest_contents(api.storage.engine, api.storage.instances)
    kept = archived(api, study)
    api.storage.deletions.study(study)
    sent_back(api, kept)
    for kind, body in bodies.items():
        path = f"/api/studies/{study}/{kind}"
        (there,) = api.client.get(path).json()["items"]
        assert there["sop_instance_uid"] == first[kind]
        body["predecessor_sop_instance_uid"] = first[kind]
        assert api.client.post(path, json=body).status_code == 201
        (now,) = api.client.get(path).json()["items"]
        assert now["sop_instance_uid"] != first[kind]
    # Nothing of it was taken for images of others.
    origins = {one.modality: one.origin for one in api.storage.index.series_of(study)}
    assert origins == {"CT": "received", "KO": "generated", "SR": "generated"}

"""The same structure of the same patient has one tracking UID over all studies."""

from pydicom.dataset import Dataset

from tests.api.client import ApiNode
from tests.api.made import made_of
from tests.api.results.test_truncated import findings_of, numbers, output, result, series


def tracked(api: ApiNode, images: list[Dataset]) -> dict[str, str]:
    job, _ = made_of(api, images, output(whole=True))
    found = findings_of(api, job.study_instance_uid)
    uids = {label: str(one["tracking_uid"]) for label, one in found.items()}
    # SEG and SR name the same.
    segments = result(api, job, "SEG").SegmentSequence
    assert {str(one.TrackingUID) for one in segments} == set(uids.values())
    assert numbers(result(api, job, "SR"))
    return uids


def of_person(images: list[Dataset], **attributes: str) -> list[Dataset]:
    for image in images:
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
    return images


def test_two_studies_of_a_patient_track_the_same_structures(api: ApiNode) -> None:
    before = tracked(api, series("20230101", 1))
    assert before["Brain volume"] != before["Cerebellum volume"]
    # A name that changed beside the same birth date is a marriage.
    married = of_person(series("20240101", 2), PatientName="Another^Name")
    assert tracked(api, married) == before


def test_another_person_with_the_same_id_is_tracked_apart(api: ApiNode) -> None:
    before = tracked(api, series("20230101", 1))
    other = of_person(
        series("20240101", 2), PatientBirthDate="19991231", PatientName="Somebody^Else"
    )
    assert set(tracked(api, other).values()).isdisjoint(before.values())
    elsewhere = of_person(series("20240201", 3), IssuerOfPatientID="Another hospital")
    assert set(tracked(api, elsewhere).values()).isdisjoint(before.values())


def test_patients_without_an_id_are_not_one_patient(api: ApiNode) -> None:
    first = tracked(api, of_person(series("20230101", 1), PatientID=""))
    second = tracked(api, of_person(series("20240101", 2), PatientID=""))
    assert set(first.values()).isdisjoint(second.values())

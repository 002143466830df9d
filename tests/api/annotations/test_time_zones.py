"""What people save states its times in the zone that the images state for all theirs."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from inference.annotations.drawing import Drawing
from inference.annotations.measurements import save_measurements
from inference.results.author import Author
from tests import builders
from tests.api.annotations.drawn import drawn, stored
from tests.api.client import ApiNode, part10


@pytest.mark.parametrize("offset", ["+0900", "-1130", "+1400"])
def test_times_of_measurements_and_key_images_are_of_the_zone_of_their_images(
    api: ApiNode, offset: str
) -> None:
    """PS3.3 C.12.1.1.8."""
    images = builders.series(
        np.zeros((3, 16, 20), np.int16), modality="CT", TimezoneOffsetFromUTC=offset
    )
    for image in images:
        api.storage.ingest.accept(part10(image), "dimse:CT1")
    study = f"/api/studies/{images[0].StudyInstanceUID}"
    line = drawn(images)[0]
    _, verified = save_measurements(
        api.storage,
        images[0].StudyInstanceUID,
        [Drawing("LENGTH", line["sop_instance_uid"], 1, tuple(map(tuple, line["points"])), "", "")],
        Author("dr-jones", True),
        title="Lengths",
        verified=True,
    )
    chosen = {"images": [{"sop_instance_uid": images[0].SOPInstanceUID}]}
    selection = api.client.post(f"{study}/key-images", json=chosen).json()
    after = {"images": [], "predecessor_sop_instance_uid": selection["sop_instance_uid"]}
    withdrawal = api.client.post(f"{study}/key-images", json=after).json()
    made = verified.sop_instance_uid, *(one["sop_instance_uid"] for one in (selection, withdrawal))
    documents = [stored(api, one) for one in made]
    for one in documents:
        assert one.TimezoneOffsetFromUTC == offset
        assert _is_now(f"{one.ContentDate}{one.ContentTime}", offset)
        assert _is_now(f"{one.SeriesDate}{one.SeriesTime}", offset)
        assert _is_now(f"{one.InstanceCreationDate}{one.InstanceCreationTime}", offset)
        assert _is_now(str(one.ContributingEquipmentSequence[0].ContributionDateTime), offset)
    assert _verified(documents[0]) == [offset]


def _verified(document: Dataset) -> list[str]:
    """The zones of the times at which somebody verified it, all of them of just now."""
    found = [one.VerificationDateTime for one in document.VerifyingObserverSequence]
    assert all(abs(DT(str(one)) - datetime.now(UTC)) < timedelta(minutes=5) for one in found)
    return [str(one)[-5:] for one in found]


def _is_now(stated: str, offset: str) -> bool:
    hours, minutes = int(offset[1:3]), int(offset[3:])
    shift = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    at = datetime.strptime(stated[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone(shift))
    return abs(at - datetime.now(UTC)) < timedelta(minutes=5)

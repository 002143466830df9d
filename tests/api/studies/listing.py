"""Studies for the study list, and what it lists."""

import numpy as np
from pydicom.dataset import Dataset

from storage.container import Storage
from tests import builders
from tests.api.client import ApiNode, part10


def study(seed: int, **attributes: str) -> Dataset:
    modality = attributes.pop("Modality", "CT")
    (instance,) = builders.series(np.zeros((1, 4, 4), np.int16), modality=modality, seed=seed)
    for keyword, value in attributes.items():
        setattr(instance, keyword, value)
    return instance


def send(storage: Storage, *instances: Dataset) -> list[str]:
    for instance in instances:
        storage.ingest.accept(part10(instance), "dimse:CT1")
    return [str(instance.StudyInstanceUID) for instance in instances]


def listed(api: ApiNode, **query: object) -> list[str]:
    answer = api.client.get("/api/studies", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [one["study_instance_uid"] for one in answer.json()["items"]]

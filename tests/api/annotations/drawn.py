"""Two images, what is drawn on them, and what was saved of it."""

from typing import Any

from pydicom.dataset import Dataset

from tests.api.client import ApiNode

# Between rows and between columns: a mix-up of the two changes every length.
SPACING_MM = (0.8, 0.5)
SHAPES: list[dict[str, Any]] = [
    {"shape": "LENGTH", "points": [[2.5, 3.5], [8.5, 3.5]], "label": "femur"},
    {"shape": "BIDIRECTIONAL", "points": [[4, 4], [4, 8], [1, 6], [15, 6]]},
    {"shape": "ANGLE", "points": [[10, 2], [2, 2], [2, 12]]},
    {"shape": "COBB_ANGLE", "points": [[1, 1], [9, 1], [1, 6], [9, 11]]},
    {"shape": "LINES_ANGLE", "points": [[1, 1], [9, 1], [9, 11], [1, 6]]},
    {"shape": "ELLIPSE", "points": [[5, 2], [5, 14], [1, 8], [9, 8]]},
    {"shape": "CIRCLE", "points": [[8, 8], [12, 8]],
     "statistics": [{"quantity": "mean", "value": 41.5, "unit": "[hnsf'U]"}]},
    {"shape": "RECTANGLE", "points": [[2, 2], [10, 2], [10, 7], [2, 7]]},
    {"shape": "FREEHAND", "points": [[1, 1], [9, 1], [1, 9]], "is_closed": True},
    {"shape": "FREEHAND", "points": [[1, 1], [9, 1], [9, 6]]},
    {"shape": "POINT", "points": [[7.25, 9.125]],
     "statistics": [{"quantity": "value", "value": -12, "unit": "[hnsf'U]"}]},
    {"shape": "ARROW", "points": [[3, 4], [11, 12]], "label": "Läsion, see text"},
    {"shape": "TEXT", "points": [[5.5, 2]],
     "label": "Zustand nach Sternotomie; drains removed on the second day (see report)"},
    {"shape": "VERTEBRA", "points": [[6, 9]], "label": "T12"},
]  # fmt: skip


def drawn(images: list[Dataset]) -> list[dict[str, Any]]:
    return [{**one, "sop_instance_uid": images[1].SOPInstanceUID} for one in SHAPES]


def saved(api: ApiNode, study: str, **body: Any) -> dict[str, Any]:
    answer = api.client.post(f"{study}/measurements", json={"title": "Lengths", **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stored(api: ApiNode, sop_instance_uid: str) -> Dataset:
    return api.storage.instances.dataset(api.storage.index.instance(sop_instance_uid))


def listed(api: ApiNode, study: str) -> dict[str, str]:
    items = api.client.get(f"{study}/measurements").json()["items"]
    return {one["sop_instance_uid"]: one["source"] for one in items}

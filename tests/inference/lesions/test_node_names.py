"""A lesion that a reader draws is a lymph node by its name, in English and German."""

import pytest

from inference.lesions.drawn_measurements import _is_node_name


@pytest.mark.parametrize(
    "label",
    [
        "Lymph node left axilla", "mediastinal LN", "LNs", "nodal mass", "Node 3",
        "Lymphknoten axillär",
        "LK paraaortal", "Adenopathie", "Lymphadenopathy", "paratracheal adenopathy", "Nodus",
    ],
)  # fmt: skip
def test_nodes(label: str) -> None:
    assert _is_node_name(label)


@pytest.mark.parametrize(
    "label",
    [
        "Lymphoma deposit liver", "Lymphozele", "Lymphom Milz", "not a lymph node: vessel",
        "kein Lymphknoten", "Nodule 2", "Knoten rechte Lunge", "Lesion", "", "LNB",
    ],
)  # fmt: skip
def test_what_is_no_node(label: str) -> None:
    assert not _is_node_name(label)

"""Two bounds of a card that are the wrong way round are refused, with both values."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.bundles.installed import described
from inference.bundles.plain import PlainCard
from inference.models.cards.card_file import CARD_FILE, Card, completed, parsed
from inference.result_rules.card import Limits
from inference.rules.critical_rule import CriticalLimits
from inference.single_images.card import Resize
from storage.core.errors import InvalidRequest
from tests.inference.plain_models import plain_card

RANGE = {"label": "Spleen volume", "unit": "cm3", "source": "A study"}


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"normal_ranges": [{**RANGE, "at_least": 100, "at_most": 10}]}, "is 100 .* is 10; exch"),
        ({"normal_ranges": [{**RANGE, "at_least": 1, "age_years": [90, 10]}]}, "at 90 .* at 10;"),
        ({"population": {"kvp": [140, 80]}}, "kvp begins at 140 and ends at 80"),
        ({"gate": {"dice": {"at_least": 0.9, "at_most": 0.1}}}, "is 0.9 and at_most is 0.1"),
        ({"critical": [{"finding": "Spleen", "above": 1, "below": 3}]}, "every value would raise"),
        ({"accepts": {"not": {"Rows": {"at_least": 9, "at_most": 3}}}}, "of Rows holds for no val"),
    ],
)
def test_bounds_that_are_the_wrong_way_round_are_refused(stated: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Card.model_validate(stated)


@pytest.mark.parametrize("values", [{"values": [240, -160]}, {"percentiles": [99, 99]}])
def test_a_window_without_width_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the lesser value first"):
        PlainCard.model_validate(plain_card(intensity=values))


def test_edges_and_limits_of_lesions_that_nothing_meets_are_refused() -> None:
    with pytest.raises(ValueError, match="shortest_edge is 900 and longest_edge is 300; exchange"):
        Resize(shortest_edge=900, longest_edge=300)
    with pytest.raises(ValueError, match="at_least is 8 and below 6"):
        Limits(at_least=8, below=6)


def test_bounds_that_meet_and_limits_on_either_side_are_taken() -> None:
    Card.model_validate(
        {
            "normal_ranges": [{**RANGE, "at_least": 10, "at_most": 10, "age_years": [60, 60]}],
            "critical": [{"finding": "Spleen volume", "above": 900, "below": 20}],
        }
    )
    assert CriticalLimits(finding="x", above=3, below=1).above == 3


def test_a_key_that_stands_twice_is_refused_in_cards_alone(tmp_path: Path) -> None:
    text = '{"licence": "MIT",\n "title": "A",\n "title": "B"}'
    (tmp_path / CARD_FILE).write_text(text)
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(InvalidRequest, match="title stands twice, in lines 2 and 3") as refused:
        parsed(Card, tmp_path / CARD_FILE)
    assert refused.value.remedy == "Leave one of the two out."
    with pytest.raises(InvalidRequest, match="title stands twice"):
        completed(Card, tmp_path / CARD_FILE, {}, {})
    assert parsed(Card, tmp_path / "metadata.json").title == "B"


def test_a_card_beside_metadata_counts_before_them_and_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / CARD_FILE
    assert completed(Card, path, {"licence": "MIT"}, {}).licence == "MIT"
    path.write_text(json.dumps({"licence": "Apache-2.0", "titel": "A"}))
    with pytest.raises(InvalidRequest, match="did you mean 'title'"):
        completed(Card, path, {"licence": "MIT"}, {})
    path.write_text('{"licence": ')
    with pytest.raises(InvalidRequest, match="it is not JSON"):
        completed(Card, path, {"licence": "MIT"}, {})
    path.write_text('{"licence": "Apache-2.0"}')
    assert completed(Card, path, {"licence": "MIT"}, {"title": "B"}).licence == "Apache-2.0"


def spleen_with(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    (folder / "model.ts").write_bytes(b"")
    (folder / CARD_FILE).write_text(json.dumps({**plain_card(labels={"1": "Spleen"}), **changes}))
    return folder


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"critical": [{"finding": "Spleen volumn", "above": 900}]}, "in critical; .* “Spleen vol"),
        ({"critical": [{"finding": "Spleeen", "above": 900}]}, "“Spleeen” in critical"),
        ({"normal_ranges": [{**RANGE, "label": "spleen volume", "at_most": 314}]}, "in normal_ra"),
    ],
)
def test_a_limit_of_a_misspelt_finding_is_refused_with_the_one_that_is_meant(
    tmp_path: Path, stated: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        described(spleen_with(tmp_path / "spleen", **stated))
    assert refused.value.remedy == "Correct the name."


@pytest.mark.parametrize(
    "name", ["SPLEEN VOLUME", "Both spleens volume", "Spleen 2 volume", "Mass"]
)
def test_a_finding_that_the_node_may_make_of_several_is_taken(tmp_path: Path, name: str) -> None:
    limit = {"finding": name, "above": 900}
    described(spleen_with(tmp_path / "spleen", critical=[limit]))

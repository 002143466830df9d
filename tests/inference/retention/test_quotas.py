"""What a source or a modality may take: a warning, then its own longest unused studies leave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.retention.outlook import disk_outlook
from inference.rules.file import rules_in as read
from storage.core.errors import InvalidRequest
from tests.inference.retention.simulation import SimulatedNode, rules_in, simulated_node
from tests.inference.retention.studies import is_here
from tests.inference.retention.test_short_disk import MIB, STUDY_BYTES, fill, small_node

TWO = """
  - name: ct1
    when: {all: [{SendingApplicationEntityTitle: CT1}, {StudyDescription: own}]}
    evict: true
    quota_studies: 4
  - {name: others, evict: true}
"""


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedNode]:
    """With room enough, so that nothing leaves for the disk."""
    settings = small_node(tmp_path, 64 * MIB)
    with simulated_node(settings, 64 * MIB, monkeypatch) as opened:
        yield opened


def quotas(node: SimulatedNode) -> str:
    storage = node.storage
    return disk_outlook(
        storage.settings, storage.volumes, storage.retention, storage.disk_samples, node.now
    ).quotas()


def own(node: SimulatedNode, count: int, name: str) -> list[str]:
    """Of the rule with the quota."""
    return fill(node, count, name, StudyDescription="own")


def test_beyond_its_quota_a_rule_loses_its_own_longest_unused_studies(node: SimulatedNode) -> None:
    rules_in(node.storage.settings, TWO)
    older = fill(node, 2, "others")
    mine = own(node, 3, "mine")
    assert node.pass_time(2).removed == 0
    assert quotas(node) == ""
    mine += own(node, 1, "fourth")
    assert node.pass_time(2).removed == 0
    assert "rule 'ct1' has taken 4 of 4 studies (100%) of its quota" in quotas(node)
    mine += own(node, 2, "more")
    node.use(mine[0])
    done = node.pass_time(2)
    assert (done.removed, done.is_short) == (2, False)
    assert [is_here(node.storage, one) for one in mine] == [True, False, False, True, True, True]
    assert all(is_here(node.storage, one) for one in older)


def test_what_is_owed_stays_beyond_a_quota_of_bytes_and_is_named(node: SimulatedNode) -> None:
    # Two and a half studies.
    gib = 2.5 * STUDY_BYTES / (1 << 30)
    rules_in(node.storage.settings, f"  - {{name: all, evict: true, quota_gib: {gib:.12f}}}\n")
    studies = fill(node, 4)
    for uid in studies[:3]:
        node.owe(uid)
    done = node.pass_time(2)
    assert done.removed == 1
    assert [is_here(node.storage, one) for one in studies] == [True, True, True, False]
    assert "3 with instances owed to pacs" in quotas(node)
    # Taken all the same: a quota refuses nothing.
    assert is_here(node.storage, node.receive("one more", STUDY_BYTES))


def test_without_evict_a_quota_warns_alone(node: SimulatedNode) -> None:
    rules_in(
        node.storage.settings,
        "  - {name: all, quota_studies: 4, quota_warn_percent: 50}\n",
    )
    fill(node, 6)
    assert node.pass_time(2).removed == 0
    assert "6 of 4 studies (150%)" in quotas(node)


@pytest.mark.parametrize("quota", ["quota_gib: 0", "quota_studies: 0", "quota_warn_percent: 101"])
def test_a_quota_that_is_none_is_refused(quota: str) -> None:
    text = f"version: 1\nretention:\n  - {{name: all, {quota}}}\n"
    with pytest.raises(InvalidRequest, match="rules:3"):
        read(text, "rules", "")

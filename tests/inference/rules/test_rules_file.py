"""The rules file: mistakes, changes while the node runs, and a file that is missing."""

import os
from pathlib import Path

import pytest

from inference.rules.file import current_rules, read_rules
from storage.core.errors import InvalidRequest
from tests.inference.orchestration import settings_in
from tests.inference.rules.rules_files import rules_in


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("rules:\n  - name: a\n    pipeline: [x\n", 4, "is not YAML"),
        ("rules:\n  - name: a\n    pipeline: p\n    prio: 3\n", 4, "'prio'"),
        ("rules:\n  - name: a\n    pipeline: p\n    priority: 900\n", 4, "less than or equal"),
        (
            "rules:\n  - name: a\n    pipeline: p\n    when:\n      all:\n"
            "        - Modality: CT\n        - Modalty: CT\n",
            7,
            "'Modalty' is neither a DICOM keyword",
        ),
        (
            "rules:\n  - name: a\n    pipeline: p\n    when:\n      ProtocolName: {matches: '['}\n",
            5,
            "not a regular expression",
        ),
        (
            "rules:\n  - name: a\n    pipeline: p\n  - name: a\n    pipeline: q\n",
            1,
            "share the name a",
        ),
        ("version: 2\n", 1, "1"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = rules_in(tmp_path, text)
    with pytest.raises(InvalidRequest) as refused:
        read_rules(path)
    assert f"rules.yaml:{line}" in refused.value.message
    assert says in refused.value.message


@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
def test_what_is_not_a_file_is_not_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="is not a file"):
        read_rules(tmp_path / name)


def test_a_changed_file_is_read_anew_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    assert current_rules(settings).rules == ()
    path = rules_in(settings.data_dir, "rules: [{name: a, pipeline: p}]")
    assert [rule.name for rule in current_rules(settings).rules] == ["a"]
    path.write_text("rules: [{name: a, pipeline: p}, {name: b}]")
    assert [rule.name for rule in current_rules(settings).rules] == ["a"]
    path.write_text("rules: [{name: c, pipeline: p}]")
    os.utime(path, (1, 1))
    assert [rule.name for rule in current_rules(settings).rules] == ["c"]


def test_a_named_file_that_is_missing_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        current_rules(settings_in(tmp_path, rules_file=tmp_path / "none.yaml"))

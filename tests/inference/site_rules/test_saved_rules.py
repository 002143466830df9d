"""Rules are saved version by version, reach the file of every host, and lose nobody's edit."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.rules.file import current_rules
from inference.site_rules.saving import follow_saved_rules, rules_text, save_rules
from storage.container import Storage
from storage.core.errors import InvalidRequest, StateConflict
from storage.rules.repository import RuleVersion, digest_of
from storage.settings import Settings
from tests.inference.deliveries.destinations.nodes import node

ONE = "routing: [{name: one, to: archive}]\n"
TWO = "routing: [{name: two, to: archive}]\n"
THREE = "routing: [{name: three, to: archive}]\n"


def save(
    storage: Storage, text: str, changed: str = "", settings: Settings | None = None
) -> RuleVersion:
    """As an editor does that began with the text `changed`."""
    versions = storage.rule_versions
    based_on = digest_of(changed)
    return save_rules(settings or storage.settings, versions, text, based_on, author="Chief")


def follow(storage: Storage, settings: Settings | None = None, *, adopts: bool = True) -> None:
    follow_saved_rules(settings or storage.settings, storage.rule_versions, adopts=adopts)


def names(settings: Settings) -> list[str]:
    return [rule.name for rule in current_rules(settings).routing]


def file_of(settings: Settings) -> Path:
    return settings.resolved_rules_file


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with node(tmp_path / "a") as opened:
        yield opened


@pytest.fixture
def other_host(storage: Storage, tmp_path: Path) -> Settings:
    """Of a host with a disk of its own beside the same index."""
    folder = tmp_path / "b"
    folder.mkdir()
    return storage.settings.model_copy(update={"data_dir": folder})


def test_what_is_saved_is_in_force_on_every_host(storage: Storage, other_host: Settings) -> None:
    assert save(storage, ONE).number == 1
    assert names(storage.settings) == ["one"]
    follow(storage, other_host, adopts=False)
    assert names(other_host) == ["one"]
    save(storage, TWO, ONE)
    follow(storage, other_host, adopts=False)
    assert names(other_host) == ["two"]
    assert [one.number for one in storage.rule_versions.page(10, 0)[0]] == [2, 1]
    file_of(other_host).unlink()
    follow(storage, other_host)
    assert file_of(other_host).read_text() == TWO, "a file that is missing is written again"


def test_nothing_touches_the_file_of_a_site_that_never_saved(storage: Storage) -> None:
    file_of(storage.settings).write_text(ONE)
    follow(storage)
    assert storage.rule_versions.newest() is None
    file_of(storage.settings).write_text(TWO)
    follow(storage)
    assert names(storage.settings) == ["two"]


def test_what_stood_in_the_file_can_be_gone_back_to(storage: Storage) -> None:
    file_of(storage.settings).write_text(ONE)
    assert rules_text(storage.settings, storage.rule_versions).version == 0
    assert save(storage, TWO, ONE).number == 2
    first = storage.rule_versions.version(1)
    assert (first.text, first.author) == (ONE, "rules.yaml")


def test_an_edit_of_the_file_becomes_a_version_everywhere(
    storage: Storage, other_host: Settings
) -> None:
    save(storage, ONE)
    follow(storage, other_host)
    file_of(other_host).write_text(TWO)
    follow(storage, other_host)
    follow(storage)
    newest = storage.rule_versions.newest()
    assert newest is not None
    assert (newest.number, newest.text, newest.author) == (2, TWO, "rules.yaml")
    assert names(storage.settings) == ["two"]
    # As git does that takes a change back.
    file_of(storage.settings).write_text(ONE)
    follow(storage)
    follow(storage, other_host)
    assert names(other_host) == ["one"]
    with pytest.raises(StateConflict, match="by somebody else"):
        save(storage, THREE, TWO)


def test_a_host_that_was_off_takes_the_newest_and_undoes_nothing(
    storage: Storage, other_host: Settings
) -> None:
    save(storage, ONE)
    follow(storage, other_host)
    save(storage, TWO, ONE)
    save(storage, THREE, TWO)
    follow(storage, other_host)
    assert names(other_host) == ["three"]
    newest = storage.rule_versions.newest()
    assert newest is not None
    assert newest.number == 3


@pytest.mark.parametrize("left", [ONE, THREE])
@pytest.mark.parametrize("adopts", [True, False])
def test_a_file_from_before_the_first_version_undoes_none(
    storage: Storage, other_host: Settings, left: str, adopts: bool
) -> None:
    file_of(storage.settings).write_text(ONE)
    file_of(other_host).write_text(left)
    save(storage, TWO, ONE)
    follow(storage, other_host, adopts=adopts)
    follow(storage)
    assert names(storage.settings) == names(other_host) == ["two"]
    newest = storage.rule_versions.newest()
    assert newest is not None
    assert newest.number == 2
    aside = other_host.data_dir / "rules.yaml.replaced"
    # What is a version can be gone back to.
    assert (aside.read_text() if aside.exists() else ONE) == left


def test_a_data_folder_from_a_backup_undoes_no_version(
    storage: Storage, other_host: Settings
) -> None:
    save(storage, ONE)
    follow(storage, other_host)
    kept = {path.name: path.read_bytes() for path in other_host.data_dir.iterdir()}
    save(storage, TWO, ONE)
    for with_note in (True, False):
        follow(storage, other_host)
        for name, data in kept.items():
            (other_host.data_dir / name).write_bytes(data)
        if not with_note:
            (other_host.data_dir / ".rules-written").unlink()
        follow(storage, other_host)
        assert names(other_host) == ["two"]
    newest = storage.rule_versions.newest()
    assert newest is not None
    assert newest.number == 2


def test_an_edit_of_what_no_longer_counts_is_put_aside(
    storage: Storage, other_host: Settings
) -> None:
    save(storage, ONE)
    follow(storage, other_host)
    file_of(other_host).write_text(THREE)
    save(storage, TWO, ONE)
    follow(storage, other_host)
    assert names(other_host) == ["two"]
    assert (other_host.data_dir / "rules.yaml.replaced").read_text() == THREE


def test_an_edit_waits_for_a_process_that_may_save(storage: Storage) -> None:
    save(storage, ONE)
    file_of(storage.settings).write_text(TWO)
    follow(storage, adopts=False)
    assert file_of(storage.settings).read_text() == TWO
    follow(storage)
    newest = storage.rule_versions.newest()
    assert newest is not None
    assert newest.text == TWO


def test_a_file_that_changed_since_the_editor_read_it_is_not_replaced(storage: Storage) -> None:
    file_of(storage.settings).write_text(ONE)
    file_of(storage.settings).write_text(THREE)
    with pytest.raises(StateConflict, match="by somebody else"):
        save(storage, TWO, ONE)
    assert file_of(storage.settings).read_text() == THREE


@pytest.mark.parametrize(
    "broken",
    [
        "routing: [{name: x, tp: archive}]\n",
        "rules: [{name: x, pipeline: nothing}]\n",
    ],
)
def test_a_broken_edit_is_no_version_and_is_not_overwritten(storage: Storage, broken: str) -> None:
    save(storage, ONE)
    file_of(storage.settings).write_text(broken)
    follow(storage)
    assert file_of(storage.settings).read_text() == broken
    assert rules_text(storage.settings, storage.rule_versions).text == broken
    with pytest.raises(StateConflict, match="was edited, and has mistakes"):
        save(storage, TWO, ONE)
    assert file_of(storage.settings).read_text() == broken
    file_of(storage.settings).unlink()
    assert save(storage, TWO, ONE).number == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("routing: [{name: x, tp: archive}]\n", "rules:1: 'to' is missing"),
        ("rules:\n  - name: x\n    pipeline: nothing\n", "'nothing', which does not exist"),
        ("rules: [\n", "is not YAML"),
        (" \n", "would take every rule out of force"),
        ("# " + "ä" * 600_000, "larger than 1 MiB"),
    ],
)
def test_wrong_rules_are_not_saved(storage: Storage, text: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        save(storage, text)
    assert storage.rule_versions.newest() is None
    assert not file_of(storage.settings).exists()


def test_a_file_that_a_setting_names_is_changed_by_nobody_here(
    storage: Storage, tmp_path: Path
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(ONE)
    named = storage.settings.model_copy(update={"rules_file": path})
    assert rules_text(named, storage.rule_versions).is_read_only
    with pytest.raises(StateConflict, match="MEDIVIEW_RULES_FILE"):
        save(storage, TWO, ONE, named)
    save(storage, TWO)
    follow(storage, named)
    assert path.read_text() == ONE


def test_of_two_who_save_at_once_one_is_told(storage: Storage) -> None:
    save(storage, ONE)
    refused: list[StateConflict] = []

    def try_to(text: str) -> None:
        try:
            save(storage, text, ONE)
        except StateConflict as error:
            refused.append(error)

    threads = [threading.Thread(target=try_to, args=(text,)) for text in (TWO, THREE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    newest = storage.rule_versions.newest()
    assert newest is not None
    assert newest.number == 2
    assert file_of(storage.settings).read_text() == newest.text

"""Nobody of an identity provider is shown under a name that looks like somebody else's."""

from collections.abc import Iterator

import pytest

from storage.accounts.shown_names import ShownNames
from storage.container import Storage, open_storage
from storage.core.callers.identity import Identity, of_account
from storage.core.errors import UidConflict
from storage.settings import load_settings
from tests.migrated import upgrade

IDP, OTHER = "https://id.example", "https://login.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    settings = load_settings(data_dir=tmp_path_factory.mktemp("data"))
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.accounts.add("jane", PASSWORD, ["viewer"])
        storage.accounts.add(
            "rad1", PASSWORD, ["radiologist"], person_name="Jones^Indira^Maria^Dr."
        )
        storage.accounts.add("rad2", PASSWORD, ["radiologist"], person_name="山田^太郎")
        storage.api_keys.create("PACS bridge", ["viewer"], [], created_by="test", expires_at=None)
        yield storage


@pytest.fixture
def names(opened: Storage) -> ShownNames:
    return opened.shown_names


def person(name: str, subject: str, issuer: str = IDP) -> Identity:
    return Identity("oidc", subject, name, issuer)


def test_accounts_keys_and_the_node_come_before_people_of_a_provider(names: ShownNames) -> None:
    assert names.of(of_account("jane")) == "jane"
    for name in ("jane", "Jane", "J\u0410NE", "pacs bridge", "PACSbridge", "MediViewAI", "local"):
        shown = names.of(person(name, f"reserved {name}"))
        assert shown.startswith(f"{name} (id.example"), name


def test_the_first_who_has_a_name_keeps_it(names: ShownNames) -> None:
    assert names.of(person("ada", "1")) == "ada"
    assert names.of(person("ada", "2")) == "ada (id.example)"
    assert names.of(person("Ada", "3")) == "Ada (id.example, 3)"
    assert names.of(person("\u0430da", "4")) == "\u0430da (id.example, 4)"
    assert names.of(person("ada", "1", OTHER)) == "ada (login.example)"
    # Another name later, and the one from before still belongs to nobody else.
    assert names.of(person("ada.new", "1")) == "ada.new"
    assert names.of(person("ada", "5")) == "ada (id.example, 5)"
    assert names.of(person("ada", "1")) == "ada"


def test_no_name_pretends_to_be_one_that_the_node_made(names: ShownNames) -> None:
    assert names.of(person("eve", "6")) == "eve"
    assert names.of(person("eve", "7")) == "eve (id.example)"
    forged = [
        names.of(person(f"eve (id.example{end})", str(subject)))
        for subject, end in ((8, ""), (9, ", 7"), (10, ", 6"))
    ]
    assert forged == [
        "eve (id.example) (id.example, 8)",
        "eve (id.example, 7) (id.example, 9)",
        "eve (id.example, 6) (id.example, 10)",
    ]
    # Neither does a subject: what is no plain word stands as a digest.
    shown = names.of(person("eve", "x) (id.example, 7"))
    assert shown.startswith("eve (id.example, ")
    assert ") (" not in shown


def test_an_account_that_is_made_later_has_its_name_for_itself(
    opened: Storage, names: ShownNames
) -> None:
    assert names.of(person("kim", "11")) == "kim"
    opened.accounts.add("kim", PASSWORD, ["viewer"])
    assert names.of(person("kim", "11")) == "kim (id.example)"


@pytest.mark.parametrize(
    "name",
    [
        "Carl May (ID.example, carl-7)",
        "Carl May \uff08id.example, carl-7\uff09",
        "Carl May ( id.example)",
        "\u2800",
    ],
)
def test_a_name_that_looks_like_one_with_a_host_or_like_none_is_shown_with_the_subject(
    names: ShownNames, name: str
) -> None:
    assert names.of(person(name, "somebody")) == f"{name} (id.example, somebody)"


@pytest.mark.parametrize(
    "name",
    [
        *("Dr. Indira Jones", "Indira Jones", "jones, indira", "Prof. I. Jones", "Jones-Indira"),
        *(
            "JONES INDIRA MARIA",
            "JonesIndira",
            "Jones",
            "indira.jones@clinic.example",
            "J\u03bfnes",
        ),
        *("Indira Maria Jones-Ekwueme", "\u5c71\u7530\u592a\u90ce"),
    ],
)
def test_the_person_of_an_account_keeps_that_name_in_each_of_its_forms(
    names: ShownNames, name: str
) -> None:
    assert names.of(person(name, name)).startswith(f"{name} (id.example")


@pytest.mark.parametrize("name", ["Indira Johnson", "Ian James", "Maria"])
def test_others_keep_their_own_names(names: ShownNames, name: str) -> None:
    is_part = name == "Maria"
    assert (names.of(person(name, name)) != name) is is_part


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Dr. Indira Jones (rad1)", "Dr. Indira Jones (rad1) (id.example, s)"),
        ("Jones^Indira^^Dr.", "Jones Indira Dr. (id.example, s)"),
        ("Poe^Edgar", "Poe Edgar (id.example, s)"),
        ("Poe=Edgar\\Allan", "Poe Edgar Allan (id.example, s)"),
    ],
)
def test_no_name_is_written_as_that_of_an_account_is(
    names: ShownNames, name: str, shown: str
) -> None:
    assert names.of(person(name, "s")) == shown


def test_the_same_words_in_another_order_are_the_first_ones(names: ShownNames) -> None:
    assert names.of(person("Ruth Ortiz", "31")) == "Ruth Ortiz"
    assert names.of(person("Dr. Ortiz, Ruth", "32")) == "Dr. Ortiz, Ruth (id.example)"
    assert names.of(person("Ruth Ortiz", "31")) == "Ruth Ortiz"


@pytest.mark.parametrize("name", ["Dr. Indira Jones", "Indira Jones", "Jones Indira", "I. Jones"])
def test_no_key_is_named_like_a_person_who_has_an_account(opened: Storage, name: str) -> None:
    with pytest.raises(UidConflict, match="no program may be taken for a person"):
        opened.api_keys.create(name, ["viewer"], [], created_by="test", expires_at=None)
    program, _ = opened.api_keys.create(
        f"bridge {name.encode().hex()[:8]}", ["viewer"], [], created_by="test", expires_at=None
    )
    assert opened.api_keys.get(program.key_id) == program

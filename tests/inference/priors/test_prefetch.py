"""Earlier studies are fetched by rule from an Orthanc, each once, and stay what they are."""

from pathlib import Path

import pytest

from inference.priors.elsewhere import fetch_from_elsewhere
from inference.priors.triggers import want_for_orders, want_for_study
from inference.rules.file import current_rules, read_rules
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from tests.inference.priors.archives import (
    HEADS,
    arrives,
    as_archive,
    as_web_archive,
    fetches,
    here,
    node,
    rules,
    searches,
    work,
)
from tests.inference.small import study_uid
from tests.services import OrthancServer, free_port


def order(**changes: str) -> dict[str, object]:
    return {
        "StudyInstanceUID": "2.25.99",
        "AccessionNumber": "A77",
        "PatientName": "Quernhammer^Adalbert",
        "PatientID": "Q-4711",
        "PatientBirthDate": "19500102",
        "ScheduledProcedureStepSequence": [
            {"Modality": "MR", "ScheduledProcedureStepStartDate": "20240201"}
        ],
        **changes,
    }


def test_the_newest_of_the_same_patient_and_modality_come(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        (search,) = searches(storage)
        # Those of 2015 and of 2025 and the CT are of the patient, and not wanted.
        assert (search.state, search.found, search.wanted) == ("DONE", 5, 2)
        assert [(one.study_instance_uid, one.state, one.service) for one in fetches(storage)] == [
            (study_uid("2023"), "DONE", "C-GET"),
            (study_uid("2021"), "DONE", "C-GET"),
        ]
        assert here(storage) == {study_uid("now"), study_uid("2023"), study_uid("2021")}
        assert {one.instances for one in fetches(storage)} == {2}


def test_the_same_from_an_archive_that_speaks_dicomweb(
    tmp_path: Path, archive: tuple[OrthancServer, str]
) -> None:
    _, url = archive
    host = url.split("/")[2]
    with node(tmp_path, as_web_archive(url), stow_hosts=(host,)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        assert [(one.study_date, one.service) for one in fetches(storage)] == [
            ("20230105", "WADO-RS"),
            ("20210105", "WADO-RS"),
        ]
        assert {one.label for one in fetches(storage)} == {"fetch:web"}


def test_what_the_archive_says_of_a_study_can_be_asked_for(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(
            storage,
            """
priors:
  - name: chests beside heads
    same: []
    which: {StudyDescription: {contains: chest}}
""",
        )
        arrives(storage)
        work(storage)
        assert [one.study_date for one in fetches(storage)] == ["20220105"]


def test_an_issuer_tells_patients_apart(tmp_path: Path, server: OrthancServer) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, "priors: [{name: all, same: []}]")
        arrives(storage, IssuerOfPatientID="ELSEWHERE")
        work(storage)
        assert [one.study_instance_uid for one in fetches(storage)] == [study_uid("issuer")]
    own = as_archive(server, issuer_of_patient_id="HERE")
    with node(tmp_path / "own", own) as storage:
        rules(storage, "priors: [{name: all, same: [], at_most: 1}]")
        arrives(storage, IssuerOfPatientID="HERE")
        work(storage)
        assert [one.study_instance_uid for one in fetches(storage)] == [study_uid("2023")]


def test_ids_without_an_issuer_are_the_sites_there_and_here(
    tmp_path: Path, server: OrthancServer
) -> None:
    """Most images state no issuer, and most archives are given theirs."""
    of_site = as_archive(server, issuer_of_patient_id="HERE")
    for number, (peer, stated) in enumerate(
        [(of_site, ""), (as_archive(server), "HERE"), (as_archive(server), "")]
    ):
        with node(tmp_path / str(number), peer, patient_id_issuer="HERE") as storage:
            rules(storage, "priors: [{name: all, same: [], at_most: 1}]")
            arrives(storage, IssuerOfPatientID=stated)
            work(storage)
            (fetch,) = fetches(storage)
            assert (fetch.study_instance_uid, fetch.state) == (study_uid("2023"), "DONE")
    with node(tmp_path / "other", of_site, patient_id_issuer="THERE") as storage:
        rules(storage, "priors: [{name: all, same: []}]")
        arrives(storage)
        work(storage)
        assert fetches(storage) == []


def test_without_a_patient_id_nobody_is_asked(tmp_path: Path) -> None:
    away = KnownPeer("archive", ae_title="A", host="127.0.0.1", port=free_port(), is_archive=True)
    with node(tmp_path, away) as storage:
        rules(storage, HEADS)
        arrives(storage, PatientID="")
        work(storage)
        (search,) = searches(storage)
        assert (search.state, search.last_error) == (
            "DONE",
            "There is no patient ID by which to ask.",
        )


def test_an_order_brings_the_priors_before_the_study(tmp_path: Path, server: OrthancServer) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        item = storage.worklist.add(order())

        def ask() -> int:
            return want_for_orders(
                storage.peers,
                storage.prior_searches,
                storage.worklist,
                current_rules(storage.settings),
            )

        assert ask() == 1
        assert ask() == 0
        work(storage)
        assert len(fetches(storage)) == 2
        # The study itself finds them here, and two orders at once want each of them once.
        storage.worklist.add(order(StudyInstanceUID="2.25.98", AccessionNumber="A78"))
        assert ask() == 1
        arrives(storage)
        work(storage)
        assert [one.state for one in searches(storage)] == ["DONE"] * 3
        assert [one.wanted for one in searches(storage)].count(0) == 2
        assert len(fetches(storage)) == 2
        # An order that is corrected is asked about again, by whom it now names.
        storage.worklist.change(item.worklist_item_id, attributes=order(PatientID="Q-4712"))
        ask()
        work(storage)
        assert study_uid("name") in {one.study_instance_uid for one in fetches(storage)}


def test_studies_of_before_are_asked_about_and_a_pause_holds_all_but_persons(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        arrives(storage)
        assert searches(storage) == []
        rules(storage, HEADS)
        in_force = current_rules(storage.settings)
        assert want_for_study(storage, study_uid("now"), in_force) == 1
        assert want_for_study(storage, study_uid("now"), in_force) == 0
        storage.prior_pause.begin()
        work(storage)
        assert searches(storage)[0].state == "PENDING"
        fetch_from_elsewhere(storage, study_uid("now"), study_uid("2015"), "archive")
        work(storage)
        assert here(storage) == {study_uid("now"), study_uid("2015")}
        storage.prior_pause.end()
        work(storage)
        assert len(fetches(storage)) == 3


def test_a_rule_that_asks_what_no_archive_says_is_named(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        rules(storage, "priors: [{name: wrong, which: {Manufacturer: ACME}}]")
        with pytest.raises(InvalidRequest, match="which asks for Manufacturer"):
            current_rules(storage.settings)


def test_the_rules_in_the_documentation_are_rules(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "priors.md").read_text()
    example = tmp_path / "rules.yaml"
    example.write_text(page.partition("```yaml rules\n")[2].partition("```")[0])
    assert [rule.trigger for rule in read_rules(example).priors] == [("study", "order"), ("order",)]

"""A fetched study is there to be compared with, until a modality sends it as well."""

from pathlib import Path

from dicom_node.server.scp import start_scp
from inference.deliveries.service import deliver_due
from inference.prior_comparison import comparison_of
from inference.reports.due import draft_due
from inference.routing.rounds import RoutingRounds
from inference.routing.service import explain_routing
from inference.rules.file import current_rules
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from tests.inference.orchestration import later, receive
from tests.inference.priors.archives import (
    HEADS,
    ROUTING,
    arrives,
    as_archive,
    complete,
    fetches,
    here,
    node,
    rules,
    searches,
    work,
)
from tests.inference.small import BrightRegion, changed, mr_series, study_uid
from tests.services import OrthancServer, dcmqrscp, free_port


def explained(storage: Storage, study: str) -> list[str]:
    """The series of which rules of routing are explained."""
    found = explain_routing(
        storage.index,
        storage.instances,
        storage.worklist,
        storage.prior_fetches,
        study,
        current_rules(storage.settings),
    )
    return [series.series_instance_uid for series, _ in found]


def test_what_is_moved_to_the_receiver_is_a_prior_as_well(tmp_path: Path) -> None:
    file = tmp_path / "2023.dcm"
    file.write_bytes(changed(mr_series("2023", 1)[0], StudyDate="20230105"))
    port = free_port()
    receiver = {"MEDIVIEW": ("127.0.0.1", port)}
    with (
        dcmqrscp(tmp_path, [file], move_to=receiver, options=["--disable-get"]) as address,
        node(tmp_path, dicom_port=port) as storage,
    ):
        ae_title, host, at = address
        storage.peers.add(
            KnownPeer("archive", ae_title=ae_title, host=host, port=at, is_archive=True)
        )
        rules(storage, HEADS + ROUTING)
        scp = start_scp(storage)
        try:
            arrives(storage)
            work(storage)
        finally:
            scp.shutdown()
        (fetch,) = fetches(storage)
        assert (fetch.state, fetch.service, fetch.instances) == ("DONE", "C-MOVE", 1)
        assert storage.prior_fetches.prior_of(study_uid("2023")) == fetch
        complete(storage)
        assert storage.routing.routes_of(study_uid("2023")) == []


def test_a_prior_is_analysed_and_compared_with_and_goes_nowhere(
    tmp_path: Path, server: OrthancServer
) -> None:
    everywhere = KnownPeer("disk", kind="folder", folder="all", is_destination=True)
    with node(tmp_path, as_archive(server), everywhere, report_wait_s=0) as storage:
        rules(storage, HEADS + "routing: [{name: everything, to: disk}]")
        arrives(storage)
        work(storage)
        complete(storage)
        jobs = storage.jobs.due(utcnow(), 10)
        assert {one.study_instance_uid for one in jobs} == {
            study_uid("now"),
            study_uid("2023"),
            study_uid("2021"),
        }
        for job in sorted(jobs, key=lambda one: one.study_instance_uid == study_uid("now")):
            assert run_job(storage, job.job_id, "worker", pipelines=(BrightRegion(),))
        this = next(one for one in jobs if one.study_instance_uid == study_uid("now"))
        comparison = comparison_of(storage, this)
        assert comparison is not None
        assert {one.study_date for one in comparison.earlier.values()} == {"20230105"}
        draft_due(storage, later(1))
        RoutingRounds(storage).round(utcnow())
        deliver_due(storage, utcnow(), "sender")
        files = list(storage.settings.resolved_export_dir.rglob("*.dcm"))
        assert files
        assert {study_uid("2023"), study_uid("2021")}.isdisjoint(
            part for file in files for part in file.parts
        )
        assert storage.reports.states_of([study_uid("2023"), study_uid("2021")]) == {}
        shown = {uid: explained(storage, study_uid(uid)) for uid in ("now", "2023")}
        assert (bool(shown["now"]), shown["2023"]) == (True, [])


def test_results_of_a_prior_go_out_where_its_rule_says_so(
    tmp_path: Path, server: OrthancServer
) -> None:
    everywhere = KnownPeer("disk", kind="folder", folder="all", is_destination=True)
    with node(tmp_path, as_archive(server), everywhere) as storage:
        rules(storage, HEADS + "    send_results: true\n    route: true\n" + ROUTING)
        arrives(storage)
        work(storage)
        complete(storage)
        for job in storage.jobs.due(utcnow(), 10):
            run_job(storage, job.job_id, "worker", pipelines=(BrightRegion(),))
        assert storage.deliveries.of_study(study_uid("2023"))
        assert storage.routing.routes_of(study_uid("2023"))
        assert explained(storage, study_uid("2023"))


def test_priors_have_no_priors_fetched(tmp_path: Path, server: OrthancServer) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        complete(storage)
        assert len(searches(storage)) == 1


def test_what_a_modality_sends_as_well_is_a_study_of_its_own_right(
    tmp_path: Path, server: OrthancServer
) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        assert storage.prior_fetches.prior_of(study_uid("2023")) is not None
        receive(storage, [changed(one, StudyDate="20230105") for one in mr_series("2023", 3)])
        assert storage.prior_fetches.prior_of(study_uid("2023")) is None


def test_a_deleted_prior_can_be_fetched_again(tmp_path: Path, server: OrthancServer) -> None:
    with node(tmp_path, as_archive(server)) as storage:
        rules(storage, HEADS)
        arrives(storage)
        work(storage)
        storage.deletions.study(study_uid("2023"))
        assert storage.prior_fetches.find(study_uid("2023")) is None
        storage.prior_searches.retry(searches(storage)[0].search_id)
        work(storage)
        assert study_uid("2023") in here(storage)

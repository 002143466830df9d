"""A study arrives, the site's PIX manager names the patient's other ID, and the two are linked."""

from pathlib import Path

from storage.audit.query import AuditFilter, find_events
from storage.core.clock import utcnow
from storage.patient_identity.entities import Origin, PatientKey
from tests.dicom_node.hl7.mllp import system
from tests.dicom_node.patient_identity.manager import answered
from tests.inference.orchestration import receive
from tests.inference.priors.archives import arrives, node, searches, work
from tests.inference.small import changed, mr_series, study_uid


def earlier(name: str, patient_id: str) -> list[bytes]:
    attributes = {"PatientID": patient_id, "IssuerOfPatientID": "CLINIC", "StudyDate": "20200101"}
    return [changed(one, **attributes) for one in mr_series(name, 2)]


def test_priors_under_another_id_are_found_once_the_manager_names_it(tmp_path: Path) -> None:
    def answer(question: bytes) -> bytes:
        return answered(question, "K23", "OK", "PID|||Q-4711^^^HOSPITAL~C-1^^^CLINIC|| ")

    with (
        system(answer) as (port, taken),
        node(tmp_path, pix_url=f"mllp://127.0.0.1:{port}", patient_id_issuer="HOSPITAL") as storage,
    ):
        receive(storage, earlier("before", "C-1"))
        arrives(storage)
        before = storage.patient_studies.imaged_before
        assert before(study_uid("now")) == []
        work(storage)
        assert before(study_uid("now")) == [study_uid("before")]
        asked = {one.subject: (one.state, one.found) for one in searches(storage)}
        assert asked == {study_uid("now"): ("DONE", 1), study_uid("before"): ("DONE", 1)}
        changes, _ = storage.patient_changes.page(9, 0, "Q-4711")
        assert [(one.kind, one.stated_by) for one in changes] == [("link", "PIX manager")]
        storage.audit.flush()
        for patient_id in ("Q-4711", "C-1"):
            assert find_events(storage.engine, AuditFilter(patient_id=patient_id), 9, 0)[1]

        # A person knows better, and the manager does not overrule her.
        admin = Origin("ada", "account:1", reason="two people")
        storage.patient_changes.undo(changes[0].change_id, admin, utcnow())
        assert before(study_uid("now")) == []
        storage.prior_searches.ask_again("IDENTITY", study_uid("now"))
        work(storage)
        assert before(study_uid("now")) == []
        assert len(taken) == 3


def test_a_manager_that_is_away_is_asked_again_and_nothing_else_waits(tmp_path: Path) -> None:
    with node(tmp_path, pix_url="mllp://127.0.0.1:1", patient_id_issuer="HOSPITAL") as storage:
        arrives(storage)
        work(storage)
        (search,) = searches(storage)
        assert (search.cause, search.state, search.attempts) == ("IDENTITY", "PENDING", 1)
        assert "cannot be reached" in search.last_error
        assert storage.patient_changes.linked_with(PatientKey("Q-4711", "HOSPITAL")) == []

"""What a FHIR server answers to a transaction, for people: bounded, and without the patient."""

import re
from collections.abc import Iterable
from typing import Any

from dicom_node.peers import PeerFailed
from inference.deliveries.destinations.fhir_client import Answer
from inference.deliveries.destinations.protocol import Outcome
from storage.core.entities import Study
from storage.core.text.outside_text import text_from_outside

_TEXT_AT_MOST = 300
_ISSUES_AT_MOST = 3
# Of what may be different in a moment, or once somebody has mended it at the server.
_TRIED_AGAIN = frozenset({401, 403, 404, 408, 409, 423, 424, 425, 429})
_MEANINGS = {
    401: "the sign-in is missing or not accepted",
    403: "the sign-in may not do that",
    404: "there is no such address, or a reference leads nowhere",
    409: "somebody else changed a resource at the same moment",
    412: "it has several resources of one identifier",
    429: "it wants fewer requests",
}
_SHORTEST_NAME = 2


def outcome_of(uid: str, server: str, answer: Answer, study: Study) -> Outcome:
    """What became of the instance `uid` by the answer to its transaction."""
    if 200 <= answer.status < 300:
        failed = _failed_entries(answer.content)
        if failed is None:
            return Outcome(uid)
        return Outcome(uid, f"{server} answered {failed} to the transaction.")
    meaning = f" ({_MEANINGS[answer.status]})" if answer.status in _MEANINGS else ""
    stated = without_patient(issue_text(answer.content), study)
    text = f": {stated}" if stated else "."
    return Outcome(
        uid,
        f"{server} answered HTTP {answer.status}{meaning}{text}",
        # It would answer the same to the same; people look at it.
        is_final=400 <= answer.status < 500 and answer.status not in _TRIED_AGAIN,
        again_after_s=answer.retry_after_s,
    )


def issue_text(content: Any) -> str:
    """The texts of an OperationOutcome (hl7.org/fhir/R4/operationoutcome.html); else nothing."""
    if not isinstance(content, dict) or content.get("resourceType") != "OperationOutcome":
        return ""
    issues = content.get("issue")
    texts = []
    for one in issues if isinstance(issues, list) else []:
        if not isinstance(one, dict) or one.get("severity") in ("information", "warning"):
            continue
        details = one.get("details")
        text = details.get("text") if isinstance(details, dict) else None
        texts.append(next((t for t in (text, one.get("diagnostics"), one.get("code")) if t), ""))
    known = [one for one in texts if isinstance(one, str) and one][:_ISSUES_AT_MOST]
    return text_from_outside("; ".join(known), _TEXT_AT_MOST)


def without_patient(text: str, study: Study) -> str:
    """Without what identifies the patient: servers quote what they were sent."""
    name = re.split(r"[\^= ]+", study.patient_name)
    born = study.patient_birth_date
    known = {
        study.patient_id.strip(), study.accession_number.strip(), *name, born,
        f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == len("YYYYMMDD") else "",
    }  # fmt: skip
    for one in sorted((one for one in known if len(one) >= _SHORTEST_NAME), key=len, reverse=True):
        text = re.sub(re.escape(one), "…", text, flags=re.IGNORECASE)
    return text


def _failed_entries(content: Any) -> str | None:
    """The first status of an entry that is no success; None where all are, or none is stated."""
    entries = content.get("entry") if isinstance(content, dict) else None
    for one in entries if isinstance(entries, list) else []:
        response = one.get("response") if isinstance(one, dict) else None
        status = response.get("status") if isinstance(response, dict) else None
        if isinstance(status, str) and not status.startswith("2"):
            return text_from_outside(status, 40)
    return None


def found_resources(answer: Answer, server: str) -> list[dict[str, Any]]:
    """The resources of a Bundle that a search answers. Raises PeerFailed for anything else."""
    content = answer.content
    if answer.status != 200 or not isinstance(content, dict):
        raise PeerFailed(f"{server} answered HTTP {answer.status} to a search.")
    if content.get("resourceType") != "Bundle":
        raise PeerFailed(f"{server} answered something that is no Bundle to a search.")
    return list(_resources(content.get("entry") or ()))


def _resources(entries: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for one in entries:
        resource = one.get("resource") if isinstance(one, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") != "OperationOutcome":
            yield resource

"""What a FHIR server answers to a transaction, for people: bounded, and without the patient."""

import re
from collections.abc import Iterable
from typing import Any

from dicom_node.peers import PeerFailed
from inference.deliveries.destinations.fhir_client import Answer
from inference.deliveries.destinations.protocol import Outcome
from storage.core.entities import Study

_ISSUES_AT_MOST = 3
_PATHS_AT_MOST = 2
_PATH_AT_MOST = 100
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
_SHORTEST_WORD = 2
_STATUS = re.compile(r"[1-5][0-9]{2}(?![0-9])")
_PATH = re.compile(r"[A-Za-z]+(\[[0-9]{1,3}\])?(\.[A-Za-z]+(\[[0-9]{1,3}\])?)*")
# hl7.org/fhir/valueset-issue-type.html, of R4 and R5.
_ISSUE_CODES = frozenset(
    "invalid structure required value invariant security login unknown expired forbidden"
    " suppressed processing not-supported duplicate multiple-matches not-found deleted too-long"
    " code-invalid extension too-costly business-rule conflict limited-filter transient"
    " lock-error no-store exception timeout incomplete throttled".split()
)


def outcome_of(uid: str, server: str, answer: Answer, study: Study, entries: int) -> Outcome:
    """What became of the instance `uid` by the answer to its transaction of so many entries."""
    if 200 <= answer.status < 300:
        failed = _failure(answer.content, study, entries)
        return Outcome(uid, f"{server} answered {failed} to the transaction." if failed else "")
    meaning = f" ({_MEANINGS[answer.status]})" if answer.status in _MEANINGS else ""
    stated = issues_of(answer.content, study)
    text = f": {stated}." if stated else "."
    return Outcome(
        uid,
        f"{server} answered HTTP {answer.status}{meaning}{text}",
        # It would answer the same to the same; people look at it.
        is_final=400 <= answer.status < 500 and answer.status not in _TRIED_AGAIN,
        again_after_s=answer.retry_after_s,
    )


def issues_of(content: Any, study: Study) -> str:
    """What an OperationOutcome (hl7.org/fhir/R4/operationoutcome.html) complains about; else ''.

    Codes of the value set and paths of elements alone. Its texts quote what was sent, names and
    birth dates in forms that nobody foresees, and are not read.
    """
    if not isinstance(content, dict) or content.get("resourceType") != "OperationOutcome":
        return ""
    issues = content.get("issue")
    found = []
    for one in issues if isinstance(issues, list) else []:
        if not isinstance(one, dict) or one.get("severity") in ("information", "warning"):
            continue
        code, paths = one.get("code"), one.get("expression")
        plain = [p for p in paths if _is_plain(p, study)] if isinstance(paths, list) else []
        where = f" at {', '.join(plain[:_PATHS_AT_MOST])}" if plain else ""
        if isinstance(code, str) and code in _ISSUE_CODES:
            found.append(code + where)
    return "; ".join(list(dict.fromkeys(found))[:_ISSUES_AT_MOST])


def _is_plain(path: Any, study: Study) -> bool:
    """Whether it is a path of elements and has nothing in it that the patient has."""
    if not isinstance(path, str) or len(path) > _PATH_AT_MOST or not _PATH.fullmatch(path):
        return False
    words = re.split(
        r"[\W_]+", f"{study.patient_name} {study.patient_id} {study.accession_number}".casefold()
    )
    return not any(len(one) >= _SHORTEST_WORD and one in path.casefold() for one in words)


def _failure(content: Any, study: Study, entries: int) -> str:
    """What is wrong with the answer of a transaction, in words; '' where nothing is.

    `Prefer: return=minimal` leaves resources out, and no entry
    (hl7.org/fhir/R4/http.html#transaction-response).
    """
    if not isinstance(content, dict):
        return "success without FHIR (the page of a sign-in or a proxy?)"
    if content.get("resourceType") == "OperationOutcome":
        stated = issues_of(content, study)
        return f"an OperationOutcome ({stated})" if stated else "an OperationOutcome"
    if content.get("resourceType") != "Bundle" or content.get("type") != "transaction-response":
        return "something other than a transaction-response"
    answered = content.get("entry")
    answered = answered if isinstance(answered, list) else []
    if len(answered) != entries:
        return f"{len(answered)} instead of {entries} entries"
    statuses = map(_status_of, answered)
    return next((one for one in statuses if not one.startswith("2")), "")


def _status_of(entry: Any) -> str:
    response = entry.get("response") if isinstance(entry, dict) else None
    status = response.get("status") if isinstance(response, dict) else None
    # The words behind the number may quote what was sent.
    found = _STATUS.match(status) if isinstance(status, str) else None
    return found.group() if found else "an entry without a status"


def has_more(answer: Answer) -> bool:
    """Whether the Bundle is one page of several."""
    links = answer.content.get("link") if isinstance(answer.content, dict) else None
    return isinstance(links, list) and any(
        isinstance(one, dict) and one.get("relation") == "next" for one in links
    )


def found_resources(answer: Answer, server: str) -> list[dict[str, Any]]:
    """The resources of a Bundle that a search answers. Raises PeerFailed for anything else."""
    content = answer.content
    if answer.status != 200 or not isinstance(content, dict):
        raise PeerFailed(f"{server} answered HTTP {answer.status} to a search.")
    if content.get("resourceType") != "Bundle":
        raise PeerFailed(f"{server} answered something that is no Bundle to a search.")
    entries = content.get("entry", [])
    if not isinstance(entries, list):
        raise PeerFailed(f"{server} answered a Bundle whose entry is no list to a search.")
    return list(_resources(entries))


def _resources(entries: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for one in entries:
        resource = one.get("resource") if isinstance(one, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") != "OperationOutcome":
            yield resource

"""Which state of a report may follow which, and what an amendment needs."""

from collections.abc import Mapping, Sequence

from storage.core.errors import InvalidRequest, StateConflict
from storage.reports.entities import Report, ReportSection, ReportState

FOLLOWS: Mapping[ReportState, frozenset[ReportState]] = {
    "draft": frozenset({"preliminary", "final"}),
    "preliminary": frozenset({"draft", "final"}),
    "final": frozenset({"amended"}),
    "amended": frozenset({"amended"}),
}


def check_move(
    report: Report, state: ReportState, sections: Sequence[ReportSection] | None, reason: str
) -> None:
    """Raises StateConflict where `state` cannot follow; InvalidRequest where something lacks."""
    allowed = FOLLOWS[report.state]
    if state not in allowed:
        raise StateConflict(
            f"A report that is {report.state} cannot become {state}.",
            remedy=f"It can become {' or '.join(sorted(allowed))}.",
        )
    if state == "amended":
        if not reason.strip():
            raise InvalidRequest(
                "An amendment says why.", remedy="Send the reason in a sentence, as `reason`."
            )
        if sections is None or tuple(sections) == report.sections:
            raise InvalidRequest(
                "The amendment changes nothing.", remedy="Send the changed text as `sections`."
            )
    elif sections is not None:
        raise InvalidRequest(
            f"A move to {state} takes no text.", remedy="Change the text first, by PUT."
        )
    if state in ("final", "amended"):
        current = report.sections if sections is None else sections
        if not any(sentence.text.strip() for one in current for sentence in one.sentences):
            raise InvalidRequest(
                "The report is empty.", remedy="Write it, or draft it again, before it is signed."
            )

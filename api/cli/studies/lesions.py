"""`mediview lesions`: the lesions of a patient over the studies, and correcting a match."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.operator import operator, record_use
from api.cli.starting import start
from inference.lesions.correcting import state_match
from inference.lesions.course import Seen, Visit, course_of
from inference.lesions.response.assessment import recist
from storage.audit import Code
from storage.container import open_storage
from storage.core.callers.identity import Identity
from storage.core.text.dates import shown_time

app = typer.Typer(
    name="lesions",
    help="Lesions of a patient over the studies, and which of them are the same.",
    no_args_is_help=True,
)

_UID_END = 8


@app.command("list")
def list_lesions(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")],
) -> None:
    """Show the lesions up to a study, and the sums of diameters (of lymph nodes the short axes)."""
    with open_storage(start(log_level="ERROR")) as storage:
        courses = course_of(
            storage.index,
            storage.jobs,
            storage.lesions,
            storage.patient_studies,
            storage.findings,
            storage.finding_feedback,
            study,
        )
        studies = {visit.study_instance_uid for visits in courses.values() for visit in visits}
        record_use(storage.audit, Code.INSTANCES_ACCESSED, "R", studies=(study, *sorted(studies)))
    for pipeline, visits in sorted(courses.items()):
        out.print(pipeline, markup=False)
        table = table_of("Study", "Lesion", "Long axis", "Tracked", "Before")
        moments = _moments(visits)
        for visit in visits:
            for seen in visit.seen:
                size_mm = seen.lesion.long_axis_mm
                table.add_row(
                    moments[visit.study_instance_uid],
                    seen.lesion.lesion_id,
                    "rejected" if size_mm is None else f"{size_mm:.1f} mm",
                    f"…{seen.uid[-_UID_END:]}",
                    _before(seen),
                )
        out.print(table)
        for one in recist(visits)[1]:
            size = "no sum" if one.sum is None else f"{one.sum:.1f} mm"
            why = f": {one.reason}" if one.category in ("PD", "NE") else ""
            moment = moments[one.study_instance_uid]
            out.print(f"{moment}: {size}, {one.category}{why}", markup=False)
    out.print("Computed, unverified, research use only.", markup=False)


def _moments(visits: Sequence[Visit]) -> dict[str, str]:
    """By study its date, and its time where another one is of the same day."""
    days = Counter(one.study_date for one in visits)
    return {
        one.study_instance_uid: f"{one.study_date} {shown_time(one.study_time)}".rstrip()
        if days[one.study_date] > 1
        else one.study_date
        for one in visits
    }


def _before(seen: Seen) -> str:
    match = seen.match
    if match is None:
        return ""
    by = f" by {match.decided_by}" if match.decided_by else f" ({match.confidence:.0%})"
    return f"{match.relation}{by}"


@app.command("match")
def match(
    lesion: Annotated[str, typer.Argument(help="The lesion of the later study.")],
    earlier: Annotated[
        str, typer.Option("--same-as", help="The lesion of an earlier study; without it: new.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """State what a lesion was before; it counts before what was computed."""
    who = operator()
    with open_storage(start(log_level="ERROR")) as storage:
        found = storage.lesions.get(lesion)
        record_use(
            storage.audit,
            Code.PROCEDURE_RECORD,
            "U",
            studies=(found.study_instance_uid,),
            lesion=lesion,
            earlier=earlier,
        )
        stated = state_match(
            storage.lesions,
            storage.patient_studies,
            lesion,
            earlier,
            Identity("local", who.name, who.name),
            reason,
        )
    out.print(f"{lesion} is {stated.relation}.", markup=False)

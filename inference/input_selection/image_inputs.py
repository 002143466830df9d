"""Which images of a study a pipeline takes that wants several at once, each in its role."""

from collections.abc import Iterator, Mapping, Sequence

from inference.imaging.stacks import SeriesStack
from inference.input_selection.input_candidates import Candidate, Chosen, listed_reasons
from inference.pipeline import NamedInput, Pipeline
from storage.core.entities import JobInput


def fill_with_images(
    pipeline: Pipeline,
    roles: Sequence[NamedInput],
    candidates: Sequence[Candidate],
    only: Mapping[str, JobInput] | None = None,
) -> tuple[dict[str, Chosen], dict[str, str]]:
    """By role the image that fills it, and of each other role why none does.

    An image fills one role. Of several that fit, whole views for presentation come before those
    for processing and before spots and magnifications; of alike ones the last is taken, as of a
    view that was repeated. `only`: as in `choose_inputs`.
    """
    chosen: dict[str, Chosen] = {}
    why_none: dict[str, str] = {}
    images = [one for candidate in candidates for one in images_of(candidate)]
    accepts = getattr(pipeline, "accepts_input")  # noqa: B009 - of pipelines with inputs alone
    for role in roles:
        taken = {sop_instance_uid_of(one.candidate) for one in chosen.values()}
        fitting: list[Candidate] = []
        reasons: list[str] = []
        for one in images:
            of_role = only is None or (
                role.name in only
                and only[role.name].series_instance_uid == one.series.series_instance_uid
            )
            if sop_instance_uid_of(one) in taken or not of_role:
                continue
            word = accepts(role.name, one.series, one.instances, one.headers)
            if word.accepted:
                fitting.append(one)
            else:
                reasons.append(f"{one.name}: {word.reason}")
        if fitting:
            # Stable: of alike ones the last stays last.
            best = sorted(fitting, key=is_whole_view)[-1]
            chosen[role.name] = Chosen(role, best, SeriesStack("", (0,)), "", 0.0)
        else:
            found = listed_reasons(reasons, "images")
            why_none[role.name] = (
                f"No image is {role.title}. {found}"
                if reasons
                else f"There is no other image for {role.title}."
            )
    return chosen, why_none


def images_of(candidate: Candidate) -> Iterator[Candidate]:
    """Each image of a series by itself; what has no pixels is none."""
    for instance, header in zip(candidate.instances, candidate.headers, strict=True):
        if header.get("Rows") is not None:
            number = header.get("InstanceNumber")
            named = "image without a number" if number is None else f"image {number}"
            yield Candidate(candidate.series, [instance], [header], candidate.prior, named)


def is_whole_view(candidate: Candidate) -> tuple[bool, bool]:
    """Without view modifiers (PS3.3 C.8.11.7: spot, magnified), and meant to be read."""
    header = candidate.headers[0]
    views = [header, *(header.get("ViewCodeSequence") or ())]
    is_modified = any(one.get("ViewModifierCodeSequence") for one in views)
    return not is_modified, header.get("PresentationIntentType") != "FOR PROCESSING"


def sop_instance_uid_of(candidate: Candidate) -> str:
    return candidate.instances[0].sop_instance_uid

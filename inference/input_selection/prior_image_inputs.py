"""Which images of an earlier study are the priors among several images that a pipeline takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.imaging.laterality import laterality_of
from inference.imaging.stacks import SeriesStack
from inference.input_selection.image_inputs import (
    fill_with_images,
    images_of,
    is_whole_view,
    sop_instance_uid_of,
)
from inference.input_selection.input_candidates import Candidate, Chosen, read_candidate
from inference.input_selection.prior_images import are_alike, may_show_the_same
from inference.input_selection.prior_inputs import ANOTHER_PATIENT, OTHER_SIDE, choose_priors
from inference.pipeline import NamedInput, Pipeline
from inference.series_classification.views import view_of
from storage.core.acquisition import sides_contradict
from storage.core.entities import JobInput
from storage.core.job_result import PriorTaken
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader


def fill_with_images_and_priors(
    index: Index,
    instance_reader: InstanceReader,
    pipeline: Pipeline,
    study_instance_uid: str,
    roles: Sequence[NamedInput],
    candidates: Sequence[Candidate],
    only: Mapping[str, JobInput] | None,
) -> tuple[dict[str, Chosen], dict[str, str]]:
    """By role the image of the study, or of an earlier one, that fills it, and of each other role
    why none does. `only`: as in `choose_inputs`."""
    own = [one for one in roles if one.is_image and not one.prior_of]
    chosen, why_none = fill_with_images(pipeline, own, candidates, only)
    priors = choose_priors(
        index,
        instance_reader,
        pipeline,
        study_instance_uid,
        [one for one in roles if one.prior_of],
        chosen,
        only,
        _Search(index, instance_reader, pipeline, chosen),
    )
    return {**chosen, **priors.chosen}, {**why_none, **priors.why_none}


@dataclass(frozen=True)
class _Search:
    """Fills roles of priors with images that the card takes in them. A prior has the Modality of
    the image that it is the prior of, and contradicts neither its view nor its side nor its part
    of the body."""

    index: Index
    instance_reader: InstanceReader
    pipeline: Pipeline
    present: Mapping[str, Chosen]

    def in_study(
        self, prior: PriorTaken, roles: Sequence[NamedInput], only: Mapping[str, JobInput] | None
    ) -> tuple[dict[str, Chosen], dict[str, list[str]]]:
        """What fills the roles in one earlier study, and by role why images do not."""
        images = self._images(prior)
        chosen: dict[str, Chosen] = {}
        reasons: dict[str, list[str]] = {}
        for role in roles:
            taken = {sop_instance_uid_of(one.candidate) for one in chosen.values()}
            unfit = reasons.setdefault(role.name, [])
            fitting = []
            for one, is_of_another in images:
                uid = one.series.series_instance_uid
                if sop_instance_uid_of(one) in taken or (
                    only is not None and only[role.name].series_instance_uid != uid
                ):
                    continue
                why = ANOTHER_PATIENT if is_of_another else self._why_not(role, one)
                if why is None:
                    fitting.append(one)
                elif why:
                    unfit.append(f"{one.name}: {why}")
            if fitting:
                now = self.present[role.prior_of].candidate.headers[0]
                best = sorted(
                    fitting, key=lambda one: (are_alike(now, one.headers[0]), is_whole_view(one))
                )[-1]
                chosen[role.name] = Chosen(role, best, SeriesStack("", (0,)), "", 0.0)
        return chosen, reasons

    def _images(self, prior: PriorTaken) -> list[tuple[Candidate, bool]]:
        """Each image of the complete series, and whether it names another patient."""
        known = self.instance_reader.patient_keys(prior["study_instance_uid"])
        return [
            (
                image,
                self.instance_reader.names_another_patient(
                    image.instances[0], known, image.headers[0]
                ),
            )
            for series in self.index.series_of(prior["study_instance_uid"])
            if series.origin != "generated" and series.state == "COMPLETE"
            for image in images_of(read_candidate(self.index, self.instance_reader, series, prior))
        ]

    def _why_not(self, role: NamedInput, candidate: Candidate) -> str | None:
        """None of an image that fits; empty of one of another Modality, which needs no word."""
        header = candidate.headers[0]
        now = self.present[role.prior_of].candidate.headers[0]
        if header.get("Modality") != now.get("Modality"):
            return ""
        if _differ(view_of(now), view_of(header)):
            return "It shows another view."
        if sides_contradict(laterality_of(header), laterality_of(now)):
            return OTHER_SIDE
        if not may_show_the_same(now, header):
            return "It states another part of the body."
        accepts = getattr(self.pipeline, "accepts_input")  # noqa: B009 - of pipelines with inputs
        word = accepts(role.name, candidate.series, candidate.instances, [header])
        reason: str = word.reason
        return None if word.accepted else reason


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)

"""The inputs of a job in the space of its reference, those registered that the card wants so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.registration.input_registration import (
    Registration,
    RegistrationLimits,
    moved,
    register,
)
from inference.imaging.registration.resampling import grid_from_grid, on_same_grid
from inference.imaging.volume import Volume
from inference.input_selection.result_masks import LoadedResult
from inference.input_selection.study_inputs import inputs_of
from inference.pipeline import NamedInput, Pipeline
from inference.refusals import VolumeRefused
from inference.results.other_grids import OtherGrid
from storage.core.caveats import Caveat
from storage.core.job_result import InputRegistration, JobInput, PriorTaken, ResultTaken
from storage.core.text.dates import shown_date

_DECIMALS, _MATRIX_DECIMALS = 3, 9
_REMEDY = "Check that the series show the same part of one patient, or send another one."


@dataclass(frozen=True)
class Placement:
    """By role: the volumes that the model is given, and what was found of those registered.

    `refused`: inputs that nobody requires, and why they are not among the volumes. `caveats`:
    sentences that hold for all results. `priors`: of inputs of an earlier study, which one.
    `results`: of inputs that are results of other pipelines, which; `structures`: of those that
    somebody contoured, which, in words.
    """

    volumes: Mapping[str, Volume] = field(default_factory=dict)
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    caveats: tuple[Caveat, ...] = ()
    priors: Mapping[str, PriorTaken] = field(default_factory=dict)
    results: Mapping[str, ResultTaken] = field(default_factory=dict)
    structures: Mapping[str, str] = field(default_factory=dict)

    @property
    def matrices(self) -> dict[str, NDArray[np.float64]]:
        """By role of those registered: from the space of the input to the reference's."""
        return {
            role: one.reference_from_input
            for role, one in self.registrations.items()
            if role not in self.refused
        }

    @property
    def texts(self) -> dict[str, str]:
        """How each came to lie in the reference's space, or why it does not, in a few words."""
        good = {
            role: one.text for role, one in self.registrations.items() if role not in self.refused
        }
        found = {
            role: f"by {one['pipeline']} {one['pipeline_version']}"
            for role, one in self.results.items()
        }
        return (
            good
            | found
            | dict(self.structures)
            | {role: f"refused ({why})" for role, why in self.refused.items()}
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """For TID 4019: each result that was taken, the date of each prior, and each matrix, row by
        row."""
        results = (
            tuple(f"{role}={text}" for role, text in self.structures.items())
            + tuple(
                f"result_{role}={one['pipeline']} {one['pipeline_version']}"
                for role, one in self.results.items()
            )
            + tuple(
                f"{role}_kji_from_reference_kji=" + _numbers(np.array(one["result_from_reference"]))
                for role, one in self.results.items()
                if "result_from_reference" in one
            )
        )
        return (
            results
            + tuple(
                f"prior_{role}={shown_date(prior['study_date'])}"
                for role, prior in self.priors.items()
                if role not in self.refused
            )
            + tuple(
                f"reference_from_{role}=" + _numbers(registration.reference_from_input)
                for role, registration in self.registrations.items()
                if role not in self.refused
            )
        )

    def other_grids(
        self, volumes: Mapping[str, Volume], headers: Mapping[str, Sequence[Dataset]]
    ) -> list[OtherGrid]:
        """The series of the study beside the reference that the model was given; `volumes` as they
        were read."""
        return [
            OtherGrid(
                sources,
                volumes[role].without_voxels(),
                self.registrations[role].reference_from_input
                if role in self.registrations
                else np.eye(4),
            )
            for role, sources in headers.items()
            if role not in self.refused and role not in self.priors
        ]

    def notes(self, pipeline: Pipeline) -> tuple[str, ...]:
        """Which earlier study each prior is of, in sentences."""
        titles = {one.name: one.title for one in inputs_of(pipeline)}
        found = (
            f"{titles.get(role, 'The prior')} is of the study of {shown_date(prior['study_date'])},"
            f" {prior['days_before']} days before."
            for role, prior in self.priors.items()
            if role not in self.refused
        )
        return tuple(dict.fromkeys(found))

    def stated(self, role: str, series_instance_uid: str) -> JobInput:
        """What the job's result says of an input."""
        found: JobInput = {"role": role, "series_instance_uid": series_instance_uid}
        if role in self.priors:
            found["prior"] = self.priors[role]
        if role in self.results:
            found["result"] = self.results[role]
        if role in self.registrations:
            found["registration"] = _stated(self.registrations[role])
        if role in self.refused:
            found["refused"] = self.refused[role]
        return found


def place_inputs(
    pipeline: Pipeline, volumes: Mapping[str, Volume], on_share: Callable[[float], None]
) -> Placement:
    """Register what the card wants registered; the others are taken to lie where they say.

    Raises VolumeRefused, with numbers, where a required input cannot be registered.
    """
    limits: RegistrationLimits = getattr(pipeline, "registration_limits", RegistrationLimits())
    roles = {one.name: one for one in inputs_of(pipeline)}
    reference_name: str = getattr(pipeline, "reference", "")
    reference = volumes[reference_name]
    placed = dict(volumes)
    registrations: dict[str, Registration] = {}
    refused: dict[str, str] = {}
    caveats = []
    wanted = [roles[name] for name in volumes if roles[name].registration == "rigid"]
    for done, role in enumerate(wanted):
        on_share(done / len(wanted))
        try:
            found = registrations[role.name] = register(volumes[role.name], reference)
            why = limits.refusal(found)
        except VolumeRefused as refusal:
            why = refusal.message
        if why:
            refused[role.name] = _refused(role, roles[reference_name], why)
            del placed[role.name]
            continue
        placed[role.name] = moved(volumes[role.name], found, reference)
        if limits.is_doubtful(found):
            caveats.append(
                Caveat(
                    "registered_with_residual",
                    f"Registered with a residual of {found.residual_mm:.1f} mm: {role.title} to"
                    f" {roles[reference_name].title} (the card is content with"
                    f" {limits.caveat_above_mm:g} mm).",
                )
            )
    return Placement(placed, registrations, refused, tuple(caveats))


def results_taken(
    results: Mapping[str, LoadedResult], reference: Volume | None = None
) -> dict[str, ResultTaken]:
    """Which result each is, and how it lies to the reference."""
    found: dict[str, ResultTaken] = {}
    for role, one in results.items():
        job = one.chosen.job
        found[role] = {
            "job_id": job.job_id,
            "pipeline": job.pipeline,
            "pipeline_version": job.pipeline_version,
            "series_instance_uid": job.series_instance_uid,
            "segments": _labels_of(one),
        }
        if one.volume is None or reference is None:
            continue
        if not on_same_grid(one.volume, reference):
            matrix = np.round(grid_from_grid(one.volume, reference), _MATRIX_DECIMALS)
            found[role]["result_from_reference"] = matrix.tolist()
    return found


def _labels_of(result: LoadedResult) -> list[str]:
    """Of the segments that were taken, as its Segmentation names them; of findings, theirs."""
    taken = {one.segment_number for one in result.chosen.segments}
    if not taken or result.evidence is None:
        return list(dict.fromkeys(one.label for one in result.chosen.findings))
    return [
        str(one.SegmentLabel)
        for one in result.evidence.SegmentSequence
        if one.SegmentNumber in taken
    ]


def _numbers(matrix: NDArray[np.float64]) -> str:
    return " ".join(f"{one:.6g}" for one in matrix.ravel())


def _refused(role: NamedInput, reference: NamedInput, why: str) -> str:
    if role.required:
        raise VolumeRefused(
            f"{role.title} could not be registered to {reference.title}: {why}.", remedy=_REMEDY
        )
    return f"not registered: {why}"


def _stated(one: Registration) -> InputRegistration:
    return {
        "reference_from_input": np.round(one.reference_from_input, _MATRIX_DECIMALS).tolist(),
        "turned_deg": [round(value, _DECIMALS) for value in one.turned_deg],
        "shifted_mm": [round(value, _DECIMALS) for value in one.shifted_mm],
        "centre_mm": [round(value, _DECIMALS) for value in one.centre_mm],
        "largest_shift_mm": round(one.largest_shift_mm, _DECIMALS),
        "residual_mm": round(one.residual_mm, _DECIMALS),
        "mutual_information": round(one.mutual_information, _DECIMALS),
        "overlap": round(one.overlap, _DECIMALS),
    }

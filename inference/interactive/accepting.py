"""A mask that a person accepted: encoded, stored and sent like the result of a job.

What one model made of one series by clicks is one Segmentation: each structure that is accepted
is a segment of the next version, and one of the same name takes the place of the one before.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.acquisition.lossy_compression import caveat_of_lossy_compression
from inference.imaging.acquisition.reconstruction import acquisition_of
from inference.imaging.acquisition.tube_voltage import caveat_of_energies
from inference.imaging.stated_numbers import headers_of
from inference.interactive.loaded_series import LoadedSeries, check_unchanged
from inference.interactive.models import ClickModel
from inference.models.description import color_of
from inference.models.population import caveat_of
from inference.normal_ranges.stated_age import caveat_of_ages
from inference.pipeline import SEGMENTS_AT_MOST, PipelineOutput, Segment
from inference.pipelines.codes import ANATOMICAL_STRUCTURE
from inference.pipelines.segment_measurements import volumes_of
from inference.results.author import Author, Observers, noted_observers, observers_of
from inference.results.masks.edit import Edit
from inference.results.masks.read import MaskStack, read_masks, read_segments
from inference.results_by_hand import HandStorage, store_result_by_hand
from inference.unscheduled_jobs import unscheduled_job
from inference.volume_preparation.acquired import with_acquisition
from inference.volume_preparation.coverage import with_caveat, with_validity
from storage.container.has import HasEngine
from storage.core.entities import Job
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.core.findings import Code
from storage.index.repository import Index
from storage.interactive.entities import Acceptance, InteractiveSession
from storage.processes.turn_taking import turn

_TISSUE = Code("85756007", "SCT", "Tissue")
_CLICKED = "Clicked structure"
_PLURALS = {"point": "points", "box": "boxes", "scribble": "scribbles", "lasso": "lassos"}
_OTHERS_S = 30.0


@dataclass(frozen=True)
class _Version:
    """The newest Segmentation of this model's clicks on the series; empty: there is none."""

    segmentation: Dataset | None
    segments: tuple[Segment, ...]
    masks: MaskStack | None
    observers: Observers


class AcceptingStorage(HasEngine, HandStorage, Protocol):
    """What of the storage layer a mask that was clicked is stored with."""


def save_accepted(
    storage: AcceptingStorage,
    session: InteractiveSession,
    acceptance: Acceptance,
    model: ClickModel,
    loaded: LoadedSeries,
    mask: NDArray[np.bool_],
) -> Job:
    """Save the mask as a segment; the job that stands for it.

    `mask`: bool, shape (slices, rows, columns). Raises InvalidRequest without a voxel or with too
    many segments, StateConflict where the series has changed, UidConflict.
    """
    if not mask.any():
        raise InvalidRequest("The mask is empty.", remedy="Click into a structure first.")
    check_unchanged(storage.index, loaded)
    # Two people may accept on one series: each version holds the segments of the one before.
    name = f"{session.series_instance_uid} {model.name} {model.version}"
    name = f"accept-{hashlib.sha256(name.encode()).hexdigest()[:2]}"
    with turn(storage.engine, storage.settings.data_dir / "locks", name, 1, _OTHERS_S) as is_mine:
        if not is_mine:
            raise StateConflict(
                "Others are saving masks of this series.", remedy="Accept the mask again."
            )
        return _save(storage, session, acceptance, model, loaded, mask)


def _save(
    storage: HandStorage,
    session: InteractiveSession,
    acceptance: Acceptance,
    model: ClickModel,
    loaded: LoadedSeries,
    mask: NDArray[np.bool_],
) -> Job:
    volume, sources = loaded.volume, loaded.sources
    author = Author(acceptance["author_name"], acceptance["is_person"], id=acceptance["author_id"])
    before = _newest(storage, session, model, loaded)
    added = _segment(model, session.structure, acceptance, before.segments)
    segments, masks, number = _with_segment(before, added, mask, author)
    output = PipelineOutput(
        segments=segments, masks=masks, measurements=volumes_of(segments, masks, volume)
    )
    # By clicks as by hand: what the mask's surface looks like is the person's doing.
    output = with_validity(model, output, volume, frozenset(range(len(segments))))
    stack = headers_of(sources, volume)
    output = with_acquisition(output, acquisition_of(stack))
    output = with_caveat(output, caveat_of(model.card.population, stack))
    output = with_caveat(output, caveat_of_ages(stack))
    output = with_caveat(output, caveat_of_energies(sources, volume))
    output = with_caveat(output, caveat_of_lossy_compression(sources, volume))
    edit = Edit(
        author,
        frozenset(range(1, len(segments) + 1)),
        "",
        before.segmentation,
        is_clicked=True,
        observers=(*before.observers[: number - 1], author, *before.observers[number:]),
    )
    job = _job(storage.index, session, model, loaded, masks, number, edit)
    return store_result_by_hand(storage, job, model, sources, volume, output, edit)


def _newest(
    storage: HandStorage, session: InteractiveSession, model: ClickModel, loaded: LoadedSeries
) -> _Version:
    jobs = storage.jobs.of_studies([session.study_instance_uid])[session.study_instance_uid]
    mine = [
        one
        for one in jobs
        if one.has_results
        and one.series_instance_uid == session.series_instance_uid
        and (one.pipeline, one.pipeline_version) == (model.name, model.version)
    ]
    for job in sorted(mine, key=lambda one: one.created_at, reverse=True):
        made = [one for one in job.result.get("instances", ()) if one["kind"] == "SEG"]
        if not made:
            continue
        try:
            segmentation = storage.instances.dataset(
                storage.generated.instance(made[0]["sop_instance_uid"])
            )
        except NotFound:
            break
        volume = loaded.volume
        slices = tuple(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
        segments = read_segments(segmentation, {})
        return _Version(
            segmentation,
            segments,
            read_masks(segmentation, slices),
            observers_of(job.result, len(segments)),
        )
    return _Version(None, (), None, ())


def _segment(
    model: ClickModel, structure: str, acceptance: Acceptance, before: Sequence[Segment]
) -> Segment:
    """As the model's card codes the structure; under the name and code that the person chose.

    What has no name gets a number, so that it takes the place of none.
    """
    value = model.value_of(structure)
    if value is not None:
        stated = model.model.segment(value)
        segment = Segment(
            stated.label,
            Code(*stated.category),
            Code(*stated.code),
            model.model.color_rgb(value),
            is_measurable=stated.measurable,
        )
    else:
        taken = {one.label for one in before}
        label = next(one for number in count(1) if (one := f"{_CLICKED} {number}") not in taken)
        segment = Segment(label, ANATOMICAL_STRUCTURE, _TISSUE, color_of(len(before) + 1))
    if acceptance["label"]:
        segment = replace(segment, label=acceptance["label"])
    if acceptance["code"]:
        segment = replace(segment, type=Code(*acceptance["code"]))
    return segment


def _with_segment(
    before: _Version, added: Segment, mask: NDArray[np.bool_], author: Author
) -> tuple[tuple[Segment, ...], NDArray[np.generic], int]:
    """The segments and masks with one more, or with it in the place of the author's own of its
    name; and its number."""
    labels = [one.label for one in before.segments]
    number = labels.index(added.label) + 1 if added.label in labels else len(labels) + 1
    _check_own(before, number, added.label, author)
    segments = (*before.segments[: number - 1], added, *before.segments[number:])
    if len(segments) > SEGMENTS_AT_MOST:
        raise InvalidRequest(
            f"A segmentation has {SEGMENTS_AT_MOST} segments at most.",
            remedy="Accept it under the name of one that is there, which it then replaces.",
        )
    stack = MaskStack((mask.shape[0], mask.shape[1], mask.shape[2]), len(segments))
    for k in range(mask.shape[0]):
        for one in range(1, len(labels) + 1):
            if before.masks is not None and one != number:
                stack.put(one, k, before.masks.plane(one, k))
        stack.put(number, k, mask[k])
    return segments, stack.array, number


def _check_own(before: _Version, number: int, label: str, author: Author) -> None:
    """Raises StateConflict for what somebody else has accepted: it stands under that name."""
    if number > len(before.segments):
        return
    theirs = before.observers[number - 1]
    if theirs is None or not theirs.is_same(author):
        by = "an earlier version of the node" if theirs is None else f"'{theirs.name}'"
        raise StateConflict(
            f"There is a segment '{label}' that {by} has saved.",
            remedy="Accept the mask under another name, or edit that segment.",
        )


def _job(
    index: Index,
    session: InteractiveSession,
    model: ClickModel,
    loaded: LoadedSeries,
    masks: NDArray[np.generic],
    number: int,
    edit: Edit,
) -> Job:
    """A job that ended when it began; its input is the series, and what was clicked."""
    predecessor, author = edit.predecessor, edit.author
    replaces = "" if predecessor is None else str(predecessor.SOPInstanceUID)
    digest = hashlib.sha256(f"clicks {session.session_id} {loaded.fingerprint} {replaces}".encode())
    digest.update(masks.tobytes())
    return unscheduled_job(
        str(uuid.uuid4()),
        (model.name, model.version),
        session.study_instance_uid,
        session.series_instance_uid,
        digest.hexdigest(),
        patient_key=index.patient_key(session.study_instance_uid),
        result={
            "edited": {
                "by": author.name,
                "segment_numbers": [number],
                "observers": noted_observers(edit.observers),
                "reason": "",
                "source_fingerprint": loaded.fingerprint,
                "predecessor_sop_instance_uid": replaces,
            },
            "notes": _notes(session, author),
        },
    )


def _notes(session: InteractiveSession, author: Author) -> list[str]:
    shown = Counter({"point": len(session.points), "box": int(session.box is not None)})
    shown.update(one["kind"] for one in session.shapes)
    words = [_counted(kind, number) for kind, number in shown.items() if number]
    who = "a person" if author.is_person else f"the program '{author.name}'"
    notes = [f"Segmented by what {who} marked: {', '.join(words) or 'nothing'}."]
    if session.initial is not None:
        uid, number = session.initial["sop_instance_uid"], session.initial["segment_number"]
        notes.append(f"It began with segment {number} of the Segmentation {uid}.")
    return notes


def _counted(kind: str, number: int) -> str:
    return f"{number} {_PLURALS[kind] if number > 1 else kind}"

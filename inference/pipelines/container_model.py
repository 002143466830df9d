"""A model in a container that an operator added, as a pipeline like the others."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import structlog

from inference.containers.container_run import ContainerRun, Ended
from inference.containers.description import ContainerDescription
from inference.containers.engine import engine_of
from inference.containers.output_files import check_disk, check_disk_before, check_size
from inference.failure_sentences import failure
from inference.imaging.padding import not_imaged
from inference.imaging.volume import Volume
from inference.models.card import Proof
from inference.pipeline import ParametricMap, PipelineContext, PipelineOutput, Readiness
from inference.pipelines.added_model import AddedModel
from inference.pipelines.container_files import (
    ONE_IMAGE,
    given_as_sent,
    other_series,
    with_volumes_elsewhere,
    write_dicom,
)
from inference.pipelines.given_results import write_results
from inference.pipelines.segment_measurements import (
    absence_notes,
    absences,
    imaged,
    may_find_nothing,
    volumes_of,
)
from inference.refusals import ModelUnusable, NothingFound
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import remove_tree
from storage.settings import Settings

log = structlog.get_logger(__name__)

_KILLED = 137
_STALE_S = 3600.0


class ContainerPipeline(AddedModel):
    """Gives a container the instances of one or more series, or the series as NIfTI, and makes
    findings of what it writes.

    `model-NAME` in the catalogue.
    """

    takes_instances = True

    def __init__(self, model: ContainerDescription, settings: Settings) -> None:
        super().__init__(model)
        self._container = model
        self._settings = settings
        self.takes_series = bool(model.card.inputs) and not model.card.is_given_nifti

    def readiness(self) -> Readiness:
        """Whether card and manifests are as they were added, and an engine is there."""
        try:
            engine_of(self._settings)
        except ModelUnusable as error:
            return Readiness(False, f"{error.message} {error.remedy}".strip())
        return super().readiness()

    def prove(self) -> Proof:
        """Whether the image is still the one that was added; nothing of it is executed.

        Raises ModelUnusable.
        """
        self._verify()
        self._check_image()
        return Proof(
            {},
            f"{self._container.card.container.image} is the image that was added. What it finds is"
            " not tested by the node: let it run as a shadow, or evaluate it, first.",
        )

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Segments with volumes in cm³, maps, numbers and answers, as the container gives them.

        Raises NothingFound, ModelUnusable, InvalidRequest.
        """
        # NumPy and nibabel alone are needed where something runs.
        from inference.containers.other_series import notes_of
        from inference.containers.results import OutputReader, merged_masks, with_own_labels

        volume = context.volume
        if volume is None or not context.images:
            raise InvalidRequest(f"{self.name} was given no series.", remedy="Give it a series.")
        self._verify()
        self._check_image()
        begun = time.perf_counter()
        segments = {value: self._segment(value) for value in self._model.labels}
        most = context.settings.container_output_bytes
        with run_folder(context.settings) as folder:
            given, written = folder / "input", folder / "output"
            if self._container.card.is_given_nifti:
                notes = self._write_nifti(context, volume, given)
            else:
                notes = given_as_sent(self.inputs, context)
                write_dicom(context, given)
            notes = (*notes, *write_results(self.inputs, context, given))
            written.mkdir(mode=0o700)
            context.on_progress("container", 0.05)
            self._compute(context, given, written)
            ran = time.perf_counter()
            source = context.images[volume.instance_indices[0]]
            maps = self._container.card.container.maps
            others = other_series(self.inputs, self.reference, context)
            found = OutputReader(source, volume, segments, most, maps, others).read(written)
        masks = merged_masks(found)
        if masks:
            there, array = imaged(masks.segments, masks.array, volume)
            masks = masks._replace(segments=there, array=array) if there else None
        measured = volumes_of(masks.segments, masks.array, volume) if masks else ()
        if found.elsewhere:
            named = masks.segments if masks else ()
            measured = with_volumes_elsewhere(measured, named, found.elsewhere)
            notes = (*notes, *notes_of(found.elsewhere, self._title_of(self.reference)))
        marked = masks.segments if masks else ()
        # A container that wrote no mask at all may have failed unseen.
        counts_none = found.masks.were_given and not found.elsewhere
        if counts_none and (marked or may_find_nothing(self._model)):
            measured = (*measured, *absences(self._model, marked))
            notes = (*notes, *absence_notes(self._model, marked))
        output = PipelineOutput(
            segments=marked,
            masks=masks.array if masks else None,
            measurements=with_own_labels((*measured, *found.measurements)),
            classifications=tuple(found.classifications),
            maps=tuple(_without_what_is_not_imaged(found.maps, volume)),
            timings_s={"container": ran - begun, "read": time.perf_counter() - ran},
            notes=(*self._notes(), *notes, *found.notes),
        )
        if not (output.segments or output.measurements or output.classifications or output.maps):
            raise NothingFound(
                failure("nothing_shown", model=self.title), remedy=failure("check_series")
            )
        return output

    def _title_of(self, role: str) -> str:
        return next((one.title for one in self.inputs if one.name == role), role)

    def _write_nifti(
        self, context: PipelineContext, volume: Volume, folder: Path
    ) -> tuple[str, ...]:
        """Each series as a file on the grid of the reference; how they came there.

        An input that is not there has no file.
        """
        from inference.imaging.nifti import volume_as_nifti

        folder.mkdir(mode=0o700)
        channels, how = self._channels(context, volume)
        if not self.inputs:
            (folder / ONE_IMAGE).write_bytes(volume_as_nifti(volume))
        for one, voxels in zip(self._volumes, channels, strict=True):
            if one.name in context.inputs:
                on_grid = replace(volume, voxels=voxels)
                (folder / f"{one.name}.nii.gz").write_bytes(volume_as_nifti(on_grid))
        return (f"Given as NIfTI: {how}.",) if how else ()

    def _compute(self, context: PipelineContext, given: Path, written: Path) -> None:
        """Run the container over one folder. Raises ModelUnusable where it fails."""
        settings, app = context.settings, self._container.app
        limits_s = [settings.container_timeout_s, *([app.timeout] if app.timeout else [])]

        def check() -> None:
            # Raises where the job is to end.
            context.on_progress("container", 0.1)
            check_size(written, settings.container_output_bytes)
            check_disk(written, settings.free_disk_mark_bytes)

        check_disk_before(written, settings.free_disk_mark_bytes)
        engine = engine_of(settings)
        engine.hand_over(given)
        engine.hand_over(written)
        ended = engine.run(
            ContainerRun(
                image=self._container.card.container.image,
                image_id=self._container.image.id,
                command=app.command,
                working_directory=app.workdir,
                environment=environment_of(self._container),
                input=(given, app.input_path),
                output=(written, app.output_path),
                timeout_s=min(limits_s),
                gpus=self._container.package.resources.gpu if settings.container_gpus else 0,
            ),
            check,
        )
        self._check_ended(ended)

    def _check_ended(self, ended: Ended) -> None:
        if ended.is_out_of_memory or ended.exit_code == _KILLED:
            given = self._settings.container_memory_bytes >> 20
            raise ModelUnusable(
                f"The container of {self.title} was killed; it may take {given} MiB of memory.",
                remedy="Raise MEDIVIEW_CONTAINER_MEMORY_BYTES if it needs more.",
            )
        if ended.exit_code:
            raise ModelUnusable(
                f"The container of {self.title} ended with status {ended.exit_code}.",
                remedy="Run the image by hand with this series to see what it says.",
            )

    def _check_image(self) -> None:
        """The image is run by its identity; a name may be another image's by now."""
        image = self._container.card.container.image
        try:
            engine_of(self._settings).image_id(self._container.image.id)
        except ModelUnusable as error:
            raise ModelUnusable(
                f"The image that was added as {image} is not there any more: {error.message}",
                remedy="Load it again, or add the model again: mediview models add FOLDER.",
            ) from error

    def _notes(self) -> tuple[str, ...]:
        """Who computed, as results state it."""
        image, card = self._container.image, self._container.card.container
        by = "card" if card.run else "manifest"
        return (
            f"Computed by the container image {card.image} ({image.id[:19]}), version"
            f" {self.version} by its {by}.",
        )


def _without_what_is_not_imaged(
    maps: Sequence[ParametricMap], volume: Volume
) -> Iterator[ParametricMap]:
    """A network computes something of padding, too."""
    outside = not_imaged(volume) if maps else None
    for one in maps:
        if outside is not None:
            one.values[outside] = np.nan
        yield one


@contextmanager
def run_folder(settings: Settings) -> Iterator[Path]:
    """A folder of a run's own; what killed workers left beside it is removed."""
    runs = settings.container_exchange_dir or settings.data_dir / "containers"
    runs.mkdir(mode=0o700, exist_ok=True)
    runs = runs.resolve()
    oldest = time.time() - settings.container_timeout_s - settings.container_start_s - _STALE_S
    # On a claim of its own the folder has others: lost+found, snapshots.
    for left in runs.glob(f"{tempfile.gettempprefix()}*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < oldest:
                _remove(left)
    folder = Path(tempfile.mkdtemp(dir=runs))
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    try:
        remove_tree(folder)
    except OSError as error:
        # What became of the run counts; a later one tries again.
        log.error("container_folder_not_removed", error=error.strerror)


def environment_of(model: ContainerDescription) -> dict[str, str]:
    """What the manifest states, with the folders as they are: both generations of names."""
    app = model.app
    folders = {"INPUT": app.input_path, "OUTPUT": app.output_path}
    if model.package.model_root:
        folders["MODEL"] = model.package.model_root
    paths = {
        name: path
        for what, path in folders.items()
        for name in (f"HOLOSCAN_{what}_PATH", f"MONAI_{what}PATH")
    }
    return {
        **app.environment,
        **paths,
        "HOLOSCAN_WORKDIR": app.workdir,
        "MONAI_WORKDIR": app.workdir,
    }

"""What a container is given as DICOM, and the numbers of what it marked beside the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.containers.card import InputFormat
from inference.imaging.frames import number_of_frames
from inference.pipeline import Measurement, NamedInput, PipelineContext, Segment
from inference.pipelines.codes import CM3, MM3_IN_CM3, VOLUME
from inference.pipelines.spatial_registration import spatial_registration
from inference.single_images.card import Grey
from inference.single_images.frame import read_frame

ONE_IMAGE = "image.nii.gz"

if TYPE_CHECKING:
    from inference.containers.other_series import MarkedElsewhere, OtherSeries


@dataclass(frozen=True)
class GivenImages:
    """What one run is given: by their roles `images` of the study, of which results are, and
    `priors`. One image alone has the role "", and beside a prior its own in the input folder."""

    images: Mapping[str, Dataset]
    priors: Mapping[str, Dataset] = field(default_factory=dict)
    name_of_one: str = ""

    @property
    def by_place(self) -> dict[str, Dataset]:
        """As folders and files of the input are named."""
        return {role or self.name_of_one: one for role, one in self.images.items()} | {
            **self.priors
        }


def write_dicom(context: PipelineContext, folder: Path) -> None:
    """The series in the folder; several in a folder each, which their roles name. Of one that was
    registered, how it lies to the reference as `registration_ROLE.dcm` beside them."""
    if not context.series:
        write_instances(context.images, folder)
        return
    folder.mkdir(mode=0o700)
    for role, images in context.series.items():
        write_instances(images, folder / role)
        if role in context.registrations:
            registration = spatial_registration(
                context.images[0], images, context.registrations[role]
            )
            path = folder / f"registration_{role}.dcm"
            registration.save_as(path, enforce_file_format=True)


def write_instances(images: Sequence[Dataset], folder: Path) -> None:
    """Part 10 files in the transfer syntax in which they came, named by their number alone."""
    folder.mkdir(mode=0o700)
    for number, image in enumerate(images, start=1):
        image.save_as(folder / f"{number:05d}.dcm", enforce_file_format=True)


def write_named_images(images: Mapping[str, Dataset], folder: Path, form: InputFormat) -> None:
    """Each in a folder that its role names; one alone, of the role "", in the folder itself. As
    NIfTI each is a file that its role names."""
    folder.mkdir(mode=0o700)
    for role, image in images.items():
        if form == "nifti":
            from inference.containers.images.nifti import write_image

            write_image(image, folder / (f"{role}.nii.gz" if role else ONE_IMAGE))
            continue
        own = folder / role
        own.mkdir(mode=0o700, exist_ok=True)
        if form == "png":
            _write_frames(image, own)
        else:
            image.save_as(own / "00001.dcm", enforce_file_format=True)


def _write_frames(image: Dataset, folder: Path) -> None:
    """As they are displayed: 8 bits, grey or colour, on the image's own pixels."""
    from PIL import Image

    for index in range(number_of_frames(image)):
        pixels = displayed(image, index)
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        picture.save(folder / f"{index + 1:05d}.png")


def displayed(image: Dataset, frame_index: int) -> NDArray[np.uint8]:
    """A frame by its VOI LUT or window, black where nothing is: uint8, (rows, columns, 1 or 3)."""
    frame = read_frame(image, frame_index, Grey())
    values = np.where(frame.covered[..., None], frame.values, 0.0)
    return np.rint(values * 255.0).astype(np.uint8)


def given_as_sent(inputs: Sequence[NamedInput], context: PipelineContext) -> tuple[str, ...]:
    """How inputs that the card wants registered lie to the reference, in sentences."""
    how = [
        f"{one.title} {context.placements[one.name]}"
        + (", as it was sent" if one.name in context.registrations else ", and not given")
        for one in inputs
        if one.name in context.placements and one.is_image
    ]
    return (f"Given as DICOM: {'; '.join(how)}.",) if how else ()


def other_series(
    inputs: Sequence[NamedInput], reference: str, context: PipelineContext
) -> list[OtherSeries]:
    """What of the study a container was given beside the reference: masks may be of them."""
    from inference.containers.other_series import OtherSeries

    of_study = {one.name: one.title for one in inputs if one.is_image and not one.prior_of}
    found = []
    for role, images in context.series.items():
        if role == reference or role not in of_study:
            continue
        volume, placed = context.inputs[role], None
        if role in context.registrations:
            placed = volume
            volume = replace(
                placed,
                lps_from_kji=np.linalg.inv(context.registrations[role]) @ placed.lps_from_kji,
                frame_of_reference_uid=str(images[0].get("FrameOfReferenceUID") or ""),
            )
        found.append(OtherSeries(of_study[role], volume, placed))
    return found


def with_volumes_elsewhere(
    measured: Sequence[Measurement],
    segments: Sequence[Segment],
    elsewhere: Sequence[MarkedElsewhere],
) -> tuple[Measurement, ...]:
    """Volumes of the reference's masks, of those from elsewhere as they were measured there, and
    of those that do not show on the reference as well."""
    there = {id(one.segment): one.volume_mm3 / MM3_IN_CM3 for one in elsewhere}
    found = [
        replace(one, value=there.get(id(segments[one.segment_index or 0]), one.value))
        for one in measured
    ]
    found += [
        Measurement(f"{one.segment.label} volume", VOLUME, one.volume_mm3 / MM3_IN_CM3, CM3)
        for one in elsewhere
        # Or only where the reference was not imaged.
        if not one.shows or all(one.segment is not same for same in segments)
    ]
    return tuple(found)

"""Outlines of segments as Grayscale Softcopy Presentation States (PS3.3 A.33.1).

For a PACS that draws no SEG: the original images, with the segments drawn around.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from inference.findings.build import tracking_identifier
from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    segment_tracking_uid,
    software_versions,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.narrative import as_dicom_text, note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.pictures.key_slices import key_slices
from inference.results.pictures.outlines import outlines
from inference.results.pictures.render import Window, window_of
from inference.results.pictures.rescale import Rescale, rescale_of
from inference.results.source_references import integer_of, reference_to
from storage.core.entities import Job
from storage.core.text.long_string import long_string

# FL in Explicit VR holds 65,534 bytes, two numbers a point.
_MOST_POINTS = 8_000
_NOTE_LAYER = "NOTE"


def encode_outlines(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
    captions: Mapping[int, tuple[str, ...]],
) -> list[Dataset]:
    """The key slices with each segment as a graphic layer of its own colour and name.

    A presentation state has one rescale for all of its images (PS3.3 C.11.1), so slices that
    were rescaled apart, as in PET, get one each. UIDs and dates derive from the job.
    """
    by_rescale: dict[Rescale, list[int]] = {}
    for k in key_slices(output):
        source = sources[volume.instance_indices[k]]
        by_rescale.setdefault(rescale_of(source, volume.frame_numbers[k]), []).append(k)
    window = window_of(volume)
    drawing = _Drawing(job, pipeline, sources, volume, output, captions)
    return [
        drawing.state(slices, rescale, window, number)
        for number, (rescale, slices) in enumerate(by_rescale.items(), start=1)
    ]


@dataclass(frozen=True)
class _Drawing:
    job: Job
    pipeline: Pipeline
    sources: Sequence[Dataset]
    volume: Volume
    output: PipelineOutput
    captions: Mapping[int, tuple[str, ...]]

    def state(
        self, slices: Sequence[int], rescale: Rescale, window: Window, number: int
    ) -> Dataset:
        first = self.sources[self.volume.instance_indices[slices[0]]]
        identity = result_identity(self.job, "GSPS")
        uid = self.job.uids.derive("instance", identity.sop_instance_uid, str(number))
        at = made_at(self.job, first)
        references = self._references(slices)
        layers = self._layers(slices)
        state = hd.pr.GrayscaleSoftcopyPresentationState(
            referenced_images=list(references.values()),
            series_instance_uid=identity.series_instance_uid,
            series_number=result_series_number(integer_of(first, "SeriesNumber"), "GSPS"),
            sop_instance_uid=uid,
            instance_number=number,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=software_versions(self.pipeline),
            device_serial_number=DEVICE_SERIAL_NUMBER,
            content_label="AI_OUTLINES" if self.pipeline.card.is_ai else "OUTLINES",
            content_description=f"Outlines{' by AI' if self.pipeline.card.is_ai else ''},"
            " unverified, research use only",
            graphic_layers=list(layers.values()),
            graphic_annotations=list(self._annotations(slices, references, layers)),
            modality_lut_transformation=hd.ModalityLUTTransformation(
                rescale_slope=rescale.slope,
                rescale_intercept=rescale.intercept,
                rescale_type=rescale.type,
            ),
            voi_lut_transformations=[_voi(window)],
            # The polarity of the images is not looked at (PS3.3 C.11.6.1.2).
            presentation_lut_transformation=hd.PresentationLUTTransformation(
                presentation_lut_shape="INVERSE"
                if self.volume.photometric_interpretation == "MONOCHROME1"
                else "IDENTITY"
            ),
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=result_series_description(self.pipeline, "outlines"),
            series_date=at.date(),
            series_time=at.time(),
        )
        state.PresentationCreationDate = at.strftime("%Y%m%d")
        state.PresentationCreationTime = at.strftime("%H%M%S")
        state.Laterality = None
        self._show_true_to_size(state)
        self._name_frames(state, slices)
        inherit_patient_and_study(state, first)
        return finish(state, at, contributing_equipment(self.pipeline, first, at))

    def _references(self, slices: Sequence[int]) -> dict[str, Dataset]:
        """The instances of the slices, each once."""
        found: dict[str, Dataset] = {}
        for k in slices:
            uid = self.volume.sop_instance_uids[k]
            if uid not in found:
                found[uid] = reference_to(self.sources[self.volume.instance_indices[k]])
                found[uid].SamplesPerPixel = 1
        return found

    def _layers(self, slices: Sequence[int]) -> dict[int | None, hd.pr.GraphicLayer]:
        """One of each segment that is on a slice, and under None the one of the note."""
        layers: dict[int | None, hd.pr.GraphicLayer] = {}
        for index, segment in enumerate(self.output.segments):
            if any(self.output.mask(index, k).any() for k in slices):
                layers[index] = hd.pr.GraphicLayer(
                    f"SEGMENT_{index + 1}",
                    order=index + 1,
                    description=long_string(segment.label),
                    display_color=hd.color.CIELabColor.from_rgb(*segment.color_rgb),
                )
        layers[None] = hd.pr.GraphicLayer(_NOTE_LAYER, order=len(self.output.segments) + 1)
        return layers

    def _annotations(
        self,
        slices: Sequence[int],
        references: Mapping[str, Dataset],
        layers: Mapping[int | None, hd.pr.GraphicLayer],
    ) -> Iterator[hd.pr.GraphicAnnotation]:
        for k in slices:
            image = references[self.volume.sop_instance_uids[k]]
            frame = self.volume.frame_numbers[k] if "NumberOfFrames" in image else None
            for index, layer in layers.items():
                graphics, texts = self._drawn(index, k)
                if graphics or texts:
                    yield hd.pr.GraphicAnnotation(
                        referenced_images=[image],
                        graphic_layer=layer,
                        referenced_frame_number=frame,
                        graphic_objects=graphics,
                        text_objects=texts,
                    )

    def _drawn(
        self, index: int | None, k: int
    ) -> tuple[list[hd.pr.GraphicObject], list[hd.pr.TextObject]]:
        if index is None:
            note = f"{self.pipeline.name} {self.pipeline.version}. {note_of(self.pipeline)}"
            return [], [
                hd.pr.TextObject(note, "DISPLAY", (0.0, 0.95, 1.0, 1.0), text_justification="LEFT")
            ]
        polygons = outlines(self.output.mask(index, k))
        if not polygons:
            return [], []
        segment = self.output.segments[index]
        named = {
            "tracking_id": tracking_identifier(self.pipeline, segment.label),
            "tracking_uid": segment_tracking_uid(self.job, segment),
        }
        graphics = [
            hd.pr.GraphicObject("POLYLINE", part.astype(np.float32), "PIXEL", **named)
            for polygon in polygons
            for part in _in_parts(polygon)
        ]
        everywhere = np.concatenate(polygons)
        anchor = everywhere[everywhere[:, 0].argmax()]
        text = "\r\n".join(self.captions.get(index + 1, (segment.label,)))
        anchored = hd.pr.TextObject(
            as_dicom_text(text),
            "PIXEL",
            anchor_point=(float(anchor[0]), float(anchor[1])),
            anchor_point_visible=False,
            **named,
        )
        return graphics, [anchored]

    def _show_true_to_size(self, state: Dataset) -> None:
        """Pixels need not be square: state their size (PS3.3 C.10.4), not that they are."""
        _, row_mm, column_mm = self.volume.spacing_mm
        (area,) = state.DisplayedAreaSelectionSequence
        del area.PresentationPixelAspectRatio
        # Of images with several levels of detail alone.
        del area.PixelOriginInterpretation
        area.PresentationPixelSpacing = [_text(row_mm), _text(column_mm)]

    def _name_frames(self, state: Dataset, slices: Sequence[int]) -> None:
        """Of a multi-frame instance the state is about some frames alone."""
        frames = {
            uid: sorted(
                self.volume.frame_numbers[k]
                for k in slices
                if self.volume.sop_instance_uids[k] == uid
            )
            for uid in {self.volume.sop_instance_uids[k] for k in slices}
        }
        if not self.volume.is_multiframe:
            return
        for series in state.ReferencedSeriesSequence:
            for image in series.ReferencedImageSequence:
                image.ReferencedFrameNumber = frames[image.ReferencedSOPInstanceUID]


def _voi(window: Window) -> hd.pr.SoftcopyVOILUTTransformation:
    low, high = window
    return hd.pr.SoftcopyVOILUTTransformation(
        window_center=_decimal((low + high) / 2),
        window_width=_decimal(high - low),
        # LINEAR knows no window narrower than 1 (PS3.3 C.11.2.1.2.1).
        voi_lut_function=None if high - low >= 1 else "LINEAR_EXACT",
    )


def _in_parts(polygon: np.ndarray) -> Iterator[np.ndarray]:
    """Lines that a value field can hold; the pieces of one polygon meet at their ends."""
    for begin in range(0, max(len(polygon) - 1, 1), _MOST_POINTS):
        yield polygon[begin : begin + _MOST_POINTS + 1]


def _text(value: float) -> str:
    return format_number_as_ds(float(value))


def _decimal(value: float) -> float:
    """As a decimal string of 16 characters can say it."""
    return float(_text(value))

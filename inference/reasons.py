"""Why a pipeline does not take a series: sentences in English, each with a code and parameters.

A program, or a viewer in another language, makes its own sentence of code and parameters. What is
stored is the sentence; `coded` finds its code again, also of those of earlier versions.
"""

from functools import lru_cache
from typing import Literal, get_args

from inference.sentence_templates import SentencePart, SentenceTemplates

ReasonCode = Literal[
    "no_instances",
    "modality",
    "modality_missing",
    "modalities",
    "modalities_missing",
    "other_objects",
    "image_type",
    "named_localizer",
    "photometric",
    "not_3d",
    "echo_time",
    "repetition_time",
    "contrast",
    "named_contrast",
    "not_t1",
    "not_head",
    "named_body_part",
    "few_slices",
    "no_frame_of_reference",
    "large_voxels",
    "head_extent",
    "rescale_type",
    "not_chest",
    "nothing_says_chest",
    "tube_voltages",
    "not_axial",
    "slice_distance",
    "short_series",
    "narrow_field",
    "no_image",
    "not_grey",
    "several_frames",
    "many_films",
    "on_request",
    "imported",
    "pictures_only",
    "few_frames",
    "several_sizes",
    "several_orientations",
    "same_position",
    "gap",
    "gap_once_more",
    "gaps",
    "tilt",
    "ask_for_resend",
    "send_whole_series",
    "send_sizes_apart",
    "send_orientations_apart",
    "send_sets_apart",
    "ask_without_tilt",
]

TEMPLATES: dict[ReasonCode, str] = {
    "no_instances": "The series has no instances.",
    "modality": "Modality is {modality}; only {wanted} is taken.",
    "modality_missing": "Modality is not stated; only {wanted} is taken.",
    "modalities": "Modality is {modality}; {wanted} are taken.",
    "modalities_missing": "Modality is not stated; {wanted} are taken.",
    "other_objects": "The series holds {kind}, not {modality} images.",
    "image_type": "ImageType is {image_type}: the series is {kind}.",
    "named_localizer": "{keyword} is {text}: the series is a localizer.",
    "photometric": "PhotometricInterpretation is {found}; only MONOCHROME2 is taken.",
    "not_3d": "MRAcquisitionType is 2D; only 3D is taken.",
    "echo_time": "EchoTime is {found} ms; T1-weighted 3D has {most} ms at most.",
    "repetition_time": "RepetitionTime is {found} ms; T1-weighted 3D has {most} ms at most.",
    "contrast": "AcquisitionContrast is {found}; only T1 is taken.",
    "named_contrast": "{keyword} is {text}, which names another contrast than T1.",
    "not_t1": (
        "Nothing says that the series is T1-weighted (SeriesDescription {text}, EchoTime"
        " {echo_time}, RepetitionTime {repetition_time}, InversionTime {inversion_time})."
    ),
    "not_head": "BodyPartExamined is {found}; only the head is taken.",
    "named_body_part": ("{keyword} is {text}, which names another part of the body than the head."),
    "few_slices": "The series has {count} slices; a whole head needs {least} or more.",
    "no_frame_of_reference": (
        "FrameOfReferenceUID is missing, so a result could not be placed in the patient."
    ),
    "large_voxels": "The voxels measure {found} mm; {most} mm is the most taken.",
    "head_extent": (
        "The volume measures {found} mm; a whole head needs {least} to {most} mm in each direction."
    ),
    "rescale_type": "RescaleType is {found}; densities are measured in HU.",
    "not_chest": "BodyPartExamined is {found}; only the chest is taken.",
    "nothing_says_chest": (
        "Nothing says that the series shows the chest (BodyPartExamined is not stated,"
        " SeriesDescription is {text})."
    ),
    "tube_voltages": (
        "The images were made with {found} kV (KVP); densities are compared with limits for one"
        " tube voltage. Send the images of each as a series of their own."
    ),
    "not_axial": "The slices are tilted by {found}° against the axial plane; 30° is the most.",
    "slice_distance": "The slices are {found} mm apart; {most} mm is the most taken.",
    "short_series": "The series is {found} mm long; lungs need {least} mm or more.",
    "narrow_field": "The field of view is {found} mm wide; both lungs need {least} mm.",
    "no_image": "It is not an image.",
    "not_grey": "Its pixels are {found}; grey ones are taken.",
    "several_frames": "The image has {count} frames; single images are taken.",
    "many_films": "The series has {count} films; {most} are the most taken.",
    "on_request": (
        "The pipeline runs on request: where a rule of the site names it, or when a person asks"
        " for it."
    ),
    "imported": (
        "The series was imported. Pipelines run on it when a person asks for it, or where it is"
        " imported with --run-pipelines."
    ),
    "pictures_only": "Only an uploaded PNG or JPEG is taken, not a DICOM series.",
    "few_frames": "The series has {count} slice; a volume needs at least {least}.",
    "several_sizes": "The slices have different sizes ({found}).",
    "several_orientations": (
        "The slices lie in {count} different orientations (slice {first} and slice {second} are"
        " not parallel)."
    ),
    "same_position": "Slices {first} and {second} lie at the same position.",
    "gap": "Slices {first} and {second} are {found} mm apart; the rest are {usual} mm.",
    "gap_once_more": (
        "Slices {first} and {second} are {found} mm apart; the rest are {usual} mm (and so at 1"
        " more place)."
    ),
    "gaps": (
        "Slices {first} and {second} are {found} mm apart; the rest are {usual} mm (and so at"
        " {count} more places)."
    ),
    "tilt": (
        "The slices are tilted by {found}° against the direction in which they are stacked"
        " (gantry tilt)."
    ),
    "ask_for_resend": "Ask for a resend.",
    "send_whole_series": "Send the whole series.",
    "send_sizes_apart": "Send images of one size as a series of their own.",
    "send_orientations_apart": "Send each orientation as a series of its own.",
    "send_sets_apart": "Send each set of slices as a series of its own.",
    "ask_without_tilt": "Ask for a reconstruction without tilt.",
}

_REMEDIES = get_args(ReasonCode)[-6:]
CODED_AT_MOST = 700
"""Characters of the longest reason that `reason` makes, with its remedy."""


ReasonPart = SentencePart[ReasonCode]

_SENTENCES = SentenceTemplates(TEMPLATES, CODED_AT_MOST)

reason = _SENTENCES.write


def coded(text: str) -> tuple[ReasonPart, ...]:
    """The sentences of a reason, the remedy last; none where any of it has no code.

    What is longer than any reason, as earlier versions stored what headers state, has none.
    """
    return _coded(text) if len(text) <= CODED_AT_MOST else ()


# A list of studies asks for the same few again and again.
@lru_cache(maxsize=1024)
def _coded(text: str) -> tuple[ReasonPart, ...]:
    whole = _SENTENCES.match(text)
    if whole:
        return (whole,)
    for remedy in _REMEDIES:
        if text.endswith(f" {TEMPLATES[remedy]}"):
            first = _SENTENCES.match(text.removesuffix(f" {TEMPLATES[remedy]}"))
            return (first, SentencePart(remedy, {})) if first else ()
    return ()

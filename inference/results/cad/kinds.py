"""What the CAD templates call a finding, by the code that the model's card gives it."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ChestCADSRStorage, MammographyCADSRStorage

from inference.imaging.frames import number_of_frames
from inference.imaging.headers import texts
from inference.results.cad.content import dcm
from storage.core.findings import Code

SELECTED_REGION = dcm("111099", "Selected region")
_CHEST_KINDS = (
    (6103, dcm("112061", "Abnormal lines (1D)")),
    (6104, dcm("112033", "Abnormal opacity")),
    (6105, dcm("112062", "Abnormal lucency")),
    (6106, dcm("112064", "Abnormal texture")),
)
"""CID 6101, each with the context group of what is one."""
_NO_PLACES = {"129715009", "111100", "111101", "111102"}
"""Of CID 6014 what is no finding at a place, or asks for more than a place: composition and
geometry of the breast, image quality, non-lesions."""
_CHEST_WORDS = ("CHEST", "THORAX", "LUNG")
_CHEST_REGIONS = {"51185008", "43799004", "39607008"}
"""Thorax, thoracic cavity, lung (SCT)."""


BREASTS = {
    "R": Code("73056007", "SCT", "Right breast"),
    "L": Code("80248007", "SCT", "Left breast"),
    "B": Code("63762007", "SCT", "Both breasts"),
}
"""CID 6022."""
VIEWS = {
    "CC": Code("399162004", "SCT", "cranio-caudal"),
    "MLO": Code("399368009", "SCT", "medio-lateral oblique"),
    "ML": Code("399260004", "SCT", "medio-lateral"),
    "LM": Code("399352003", "SCT", "latero-medial"),
    "LMO": Code("399099002", "SCT", "latero-medial oblique"),
    "XCCL": Code("399192008", "SCT", "cranio-caudal exaggerated laterally"),
    "XCCM": Code("399101009", "SCT", "cranio-caudal exaggerated medially"),
    "FB": Code("399196006", "SCT", "caudo-cranial (from below)"),
    "PA": Code("272479007", "SCT", "postero-anterior"),
    "AP": Code("399348003", "SCT", "antero-posterior"),
    "LL": Code("399173006", "SCT", "left lateral"),
    "RL": Code("399198007", "SCT", "right lateral"),
}
"""Of CID 4014 and CID 4010, by their names in `view_of`."""


@dataclass(frozen=True)
class Template:
    """One of the two kinds of document."""

    name: Literal["mammography", "chest"]
    sop_class_uid: UID
    identifier: str
    title: Code


MAMMOGRAPHY = Template(
    "mammography", MammographyCADSRStorage, "4000", dcm("111036", "Mammography CAD Report")
)
CHEST = Template("chest", ChestCADSRStorage, "4100", dcm("112000", "Chest CAD Report"))


def template_of(source: Dataset) -> Template | None:
    """By the modality, of films also by the part of the body; None where neither fits.

    Of multi-frame images none: an item of the image library names no frame.
    """
    if number_of_frames(source) > 1:
        return None
    if source.get("Modality") == "MG":
        return MAMMOGRAPHY
    return CHEST if source.get("Modality") in ("CR", "DX") and _shows_chest(source) else None


def kind_of(template: Template, code: Code) -> Code:
    """The value of Single Image Finding (CID 6014, CID 6101) of what a card codes like this."""
    if template is MAMMOGRAPHY:
        known = _concepts(6014)
        is_known = (code.scheme_designator, code.value) in known and code.value not in _NO_PLACES
        return code if is_known else SELECTED_REGION
    for group, kind in _CHEST_KINDS:
        if (code.scheme_designator, code.value) in _concepts(group):
            return kind
    return SELECTED_REGION


def _shows_chest(source: Dataset) -> bool:
    regions = {
        str(one.get("CodeValue", "")).strip() for one in source.get("AnatomicRegionSequence") or ()
    }
    stated = " ".join(texts(source.get("BodyPartExamined"))).upper()
    return bool(regions & _CHEST_REGIONS) or any(one in stated for one in _CHEST_WORDS)


@cache
def _concepts(context_group: int) -> frozenset[tuple[str, str]]:
    """Scheme and value of its codes, as pydicom lists them."""
    found = getattr(codes, f"cid{context_group}").concepts.values()
    return frozenset((one.scheme_designator, one.value) for one in found)

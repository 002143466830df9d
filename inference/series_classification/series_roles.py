"""What each series of a study is for a reader, as pipelines recognise it: T1 with agent, FLAIR, …

One series may be several: a CT of the portal venous phase is one with contrast agent, and that of a
PET/CT; mammograms in one series are four views.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import contrast_agent_given
from inference.imaging.laterality import laterality_of
from inference.series_classification.ct_phase import (
    ContrastPhase,
    CtSeries,
    contrast_phases,
    ct_series,
)
from inference.series_classification.mr_contrast import (
    MrContrast,
    in_several_planes,
    mr_contrast,
)
from inference.series_classification.views import attenuation_corrected, view_of

SeriesRole = Literal[
    "T1",
    "T1_CONTRAST",
    "T2",
    "FLAIR",
    "PD",
    "DWI",
    "ADC",
    "SWI",
    "PET_CORRECTED",
    "PET_UNCORRECTED",
    "CT_OF_PET",
    "CT_NATIVE",
    "CT_CONTRAST",
    "CT_ARTERIAL",
    "CT_PORTAL_VENOUS",
    "CT_DELAYED",
    "PA",
    "AP",
    "LATERAL",
    "R_CC",
    "L_CC",
    "R_MLO",
    "L_MLO",
]
ROLES: tuple[SeriesRole, ...] = get_args(SeriesRole)
PROJECTIONS = frozenset({"CR", "DX", "RG", "MG"})

_OF_MR: dict[MrContrast, SeriesRole] = {
    "T2": "T2",
    "FLAIR": "FLAIR",
    "PD": "PD",
    "DWI": "DWI",
    "ADC": "ADC",
    "T2*": "SWI",
}
_OF_PHASE: dict[ContrastPhase, tuple[SeriesRole, ...]] = {
    "NATIVE": ("CT_NATIVE",),
    "ARTERIAL": ("CT_CONTRAST", "CT_ARTERIAL"),
    "PORTAL_VENOUS": ("CT_CONTRAST", "CT_PORTAL_VENOUS"),
    "DELAYED": ("CT_CONTRAST", "CT_DELAYED"),
}
_OF_PET: dict[str, SeriesRole] = {"yes": "PET_CORRECTED", "no": "PET_UNCORRECTED"}
_OF_VIEW: dict[str, SeriesRole] = {
    "PA": "PA",
    "AP": "AP",
    "LATERAL": "LATERAL",
    "LL": "LATERAL",
    "RL": "LATERAL",
}
_OF_BREAST: dict[tuple[str, str], SeriesRole] = {
    ("R", "CC"): "R_CC",
    ("L", "CC"): "L_CC",
    ("R", "MLO"): "R_MLO",
    ("L", "MLO"): "L_MLO",
}


@dataclass(frozen=True)
class SeriesHeaders:
    """Some headers of a series, first and last among them; of projections those of all images."""

    series_instance_uid: str
    headers: Sequence[Dataset]
    instance_count: int


def roles_of_study(study: Iterable[SeriesHeaders]) -> dict[str, tuple[SeriesRole, ...]]:
    """By Series Instance UID; empty where nothing tells it.

    All series of the study belong in it: the phase of a CT goes by the others.
    """
    known = [one for one in study if one.headers]
    scans = [scan for one in known if (scan := ct_series(one.headers)) is not None]
    phases = contrast_phases(scans)
    frames_of_pet = {
        _frame_of_reference(one) for one in known if one.headers[0].get("Modality") == "PT"
    } - {""}
    found: dict[str, tuple[SeriesRole, ...]] = {}
    for one in known:
        uid = one.series_instance_uid
        modality = str(one.headers[0].get("Modality") or "")
        if modality == "MR":
            found[uid] = _of_mr(one)
        elif modality == "PT":
            found[uid] = _distinct(
                _OF_PET.get(attenuation_corrected(header)) for header in one.headers
            )
        elif modality == "CT":
            beside_pet = _frame_of_reference(one) in frames_of_pet
            found[uid] = _of_ct(one, scans, phases, beside_pet=beside_pet)
        elif modality in PROJECTIONS:
            found[uid] = _distinct(map(_of_projection, one.headers))
        else:
            found[uid] = ()
    return found


def _of_mr(series: SeriesHeaders) -> tuple[SeriesRole, ...]:
    # A few slices in several planes are a survey, whatever their header forgets to say.
    if in_several_planes(series.headers):
        return ()
    first = series.headers[0]
    contrast = mr_contrast(first, series.instance_count)
    if contrast == "T1":
        return ("T1_CONTRAST",) if any(map(contrast_agent_given, series.headers)) else ("T1",)
    return _distinct([_OF_MR.get(contrast)])


def _of_ct(
    series: SeriesHeaders,
    scans: Sequence[CtSeries],
    phases: dict[str, ContrastPhase],
    *,
    beside_pet: bool,
) -> tuple[SeriesRole, ...]:
    scan = next((one for one in scans if one.key == series.series_instance_uid), None)
    if scan is None:
        return ()
    of_phase = _OF_PHASE.get(phases.get(scan.key, ""), ())
    if not of_phase and scan.has_agent:
        of_phase = ("CT_CONTRAST",)
    return (*of_phase, "CT_OF_PET") if beside_pet else of_phase


def _of_projection(header: Dataset) -> SeriesRole | None:
    view = view_of(header)
    if header.get("Modality") == "MG":
        return _OF_BREAST.get((laterality_of(header), view))
    return _OF_VIEW.get(view)


def _frame_of_reference(series: SeriesHeaders) -> str:
    return str(series.headers[0].get("FrameOfReferenceUID") or "")


def _distinct(roles: Iterable[SeriesRole | None]) -> tuple[SeriesRole, ...]:
    return tuple(dict.fromkeys(role for role in roles if role is not None))

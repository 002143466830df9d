"""MR contrasts over the headers of protocols of three makers, and over the real ones at hand.

The parameters are those of clinical protocols; what a card must not take for a T1 or T2 is there
with the parameters that make it look like one.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.series_classification.mr_contrast import mr_contrast
from tests.shared import shared_folder

# Contrast; scanning sequence and variant; echo, repetition and inversion times in ms; names.
PROTOCOLS: list[tuple[str, str, str, list[float], list[float], list[float], list[str]]] = [
    ("T1", "SE", "NONE", [8, 10, 15, 20], [400, 500, 650, 800], [], ["", "T1 SE AX", "se_tra"]),
    ("T1", "SE\\IR", "SK", [9, 12, 25], [1800, 2000, 2500], [750, 860, 1050],
     ["", "Ax T1 FLAIR", "t1_tirm_tra_dark-fluid"]),
    ("T1", "GR\\IR", "SP\\MP", [2.3, 2.98, 3.2], [1900, 2300], [900, 1100],
     ["", "t1_mprage_sag", "Sag 3D BRAVO"]),
    ("T1", "GR", "SP", [1.2, 2.5, 4.6], [4, 7, 150], [], ["", "t1_vibe", "T1 eTHRIVE"]),
    ("T2", "SE", "SK", [80, 95, 110], [3500, 4500, 6000], [], ["", "t2_tse_tra", "Ax T2 FSE"]),
    ("FLAIR", "SE\\IR", "SK", [90, 120, 390], [5000, 8000, 9000], [1650, 2200, 2500],
     ["", "t2_tirm_dark-fluid", "T2 FLAIR"]),
    ("PD", "SE", "SK", [10, 20, 30], [2200, 3000], [], ["", "pd_tse", "PDW"]),
    ("T2*", "GR", "SP", [18, 20, 25], [28, 500, 700], [], ["", "t2_fl2d_hemo", "SWI_Images"]),
    ("DWI", "EP\\SE", "SK", [65, 80, 100], [3500, 6000], [], ["ep2d_diff_3scan", "DWI b1000"]),
    ("ADC", "EP\\SE", "SK", [65, 80, 100], [3500, 6000], [],
     ["ep2d_diff_3scan_ADC", "Apparent Diffusion Coefficient", "dADC map"]),
    ("ANGIO", "GR", "SP", [3.4, 5, 7], [20, 25, 30], [], ["TOF_3D_multi-slab", "3D_TOF", "MRA"]),
    ("LOCALIZER", "GR", "SP", [3.7, 5, 12.5], [8, 10, 30], [],
     ["localizer", "FAST LOCALIZER", "AAHScout", "SURVEY", "T/S/C RF FAST PILOT"]),
]  # fmt: skip


def headers() -> Iterator[tuple[str, Dataset]]:
    for contrast, sequence, variant, echoes, repetitions, inversions, names in PROTOCOLS:
        for echo, repetition, inversion, name in product(
            echoes, repetitions, inversions or [None], names
        ):
            header = Dataset()
            header.Modality = "MR"
            header.ImageType = ["ORIGINAL", "PRIMARY", "M"]
            header.ScanningSequence = sequence.split("\\")
            header.SequenceVariant = variant.split("\\")
            header.EchoTime, header.RepetitionTime = echo, repetition
            if inversion is not None:
                header.InversionTime = inversion
            header.SeriesDescription = name
            yield contrast, header


def test_at_least_99_of_100_headers_of_protocols_are_recognised() -> None:
    wrong: list[Any] = []
    count = 0
    for contrast, header in headers():
        count += 1
        found = mr_contrast(header)
        if found != contrast:
            wrong.append((contrast, found, header.SeriesDescription, header.EchoTime))
    print(f"{count - len(wrong)} of {count} right")
    assert count > 250
    assert len(wrong) <= count * 0.01, wrong[:20]


MPRAGE, VIBE, SPIN_ECHO = ((one[1:6]) for one in (PROTOCOLS[2], PROTOCOLS[3], PROTOCOLS[0]))
"""Of T1: its sequence, variant, and times."""


def t1_header(like: Any, description: str, **others: Any) -> Dataset:
    sequence, variant, echoes, repetitions, inversions = like
    header = Dataset()
    header.Modality, header.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M"]
    header.ScanningSequence, header.SequenceVariant = sequence.split("\\"), variant.split("\\")
    header.EchoTime, header.RepetitionTime = echoes[1], repetitions[1]
    if inversions:
        header.InversionTime = inversions[0]
    header.SeriesDescription = description
    for keyword, value in others.items():
        setattr(header, keyword, value)
    return header


@pytest.mark.parametrize(
    ("like", "description", "others"),
    [
        (MPRAGE, "T1 MPRAGE diffuse glioma", {}),
        (MPRAGE, "PILOT^T1_MPRAGE", {}),
        (MPRAGE, "T1 MPRAGE sag", {"ProtocolName": "PILOT study"}),
        (MPRAGE, "t1_tracer", {}),
        (MPRAGE, "T1 MPRAGE before DWI", {}),
        (MPRAGE, "MPRAGE ADC trial", {}),
        (MPRAGE, "T1 MPRAGE after MRA", {}),
        (VIBE, "Cholangiocarcinoma T1 post", {}),
        (VIBE, "T1 angiomyolipoma", {}),
        (VIBE, "hemangioma t1_vibe", {}),
        (VIBE, "t1_vibe pilot", {"MRAcquisitionType": "3D"}),
        (SPIN_ECHO, "T1 SE diffuse axonal injury", {}),
        (SPIN_ECHO, "T1 no apparent lesion", {}),
        (SPIN_ECHO, "T1 SE black blood after MRA", {}),
    ],
)
def test_words_do_not_turn_a_t1_into_what_its_parameters_rule_out(
    like: Any, description: str, others: dict[str, Any]
) -> None:
    assert mr_contrast(t1_header(like, description, **others)) == "T1"


@pytest.mark.parametrize(
    ("like", "description", "others", "contrast"),
    [
        (VIBE, "AAHScout", {"MRAcquisitionType": "3D"}, "LOCALIZER"),
        (VIBE, "T1 localizer", {"MRAcquisitionType": "2D"}, "LOCALIZER"),
        (VIBE, "T1 Pilot", {}, "LOCALIZER"),
        (VIBE, "MR-Angiographie T1 KM", {}, "ANGIO"),
        (VIBE, "t1_fl3d_MRAngio", {}, "ANGIO"),
        (VIBE, "ep2d_diff", {"EchoTime": 80, "RepetitionTime": 4000}, "DWI"),
    ],
)
def test_words_tell_where_parameters_leave_it_open(
    like: Any, description: str, others: dict[str, Any], contrast: str
) -> None:
    header = t1_header(like, description, **others)
    if contrast == "DWI":
        header.ScanningSequence = ["EP", "SE"]
    assert mr_contrast(header) == contrast


@pytest.mark.parametrize(
    ("description", "contrast"),
    [
        ("ep2d_diff_b1000_TRACEW", "DWI"), ("isoDWI", "DWI"), ("eDWI b800", "DWI"),
        ("Diffusion", "DWI"), ("DTI 64", "DWI"), ("t1_tracer", "T1"), ("post2", ""),
        ("different", ""), ("Baldwin", ""), ("swirl", ""), ("hemorrhage T1", "T1"),
        ("AxT1", "T1"), ("axT2", "T2"), ("eSWI", "T2*"), ("autopilot", ""), ("CE-Angio", "ANGIO"),
    ],
)  # fmt: skip
def test_words_are_whole_words(description: str, contrast: str) -> None:
    header = Dataset()
    header.Modality, header.SeriesDescription = "MR", description
    assert mr_contrast(header) == contrast


def test_a_survey_has_fewer_images() -> None:
    header = t1_header(SPIN_ECHO, "T1 SE pilot", MRAcquisitionType="2D")
    assert (mr_contrast(header, 3), mr_contrast(header, 24)) == ("LOCALIZER", "T1")


def test_a_b_value_is_diffusion_whatever_the_words_but_of_its_map() -> None:
    for description, contrast in (("pilot", "DWI"), ("T1", "DWI"), ("ADC", "ADC")):
        header = t1_header(SPIN_ECHO, description, DiffusionBValue=1000.0)
        assert mr_contrast(header) == contrast


def test_a_projection_is_no_volume_of_its_parameters() -> None:
    """A maximum intensity projection keeps the parameters of the volume that it was made of."""
    _, header = next(one for one in headers() if one[0] == "ANGIO")
    header.SeriesDescription = "Projected from C"
    header.ImageType = ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]
    assert mr_contrast(header) == ""


REAL = {
    "dicomdir/98892003/MR1/4919": "LOCALIZER",
    "dicomdir/98892003/MR1/5641": "LOCALIZER",
    "dicomdir/98892003/MR1/15820": "LOCALIZER",
    "dicomdir/98892003/MR2/4981": "LOCALIZER",
    "dicomdir/98892003/MR700/4648": "ANGIO",
    "odd/MR_small_jpeg_ls_lossless.dcm": "T2",
    "odd/examples_overlay.dcm": "T1",
    "vendor_headers/ge_anatomical_001/IM-0001-0113-0001.dcm": "T1",
    "vendor_headers/siemens_anatomical_001/IM-0001-0113-0001.dcm": "FLAIR",
}


@pytest.mark.parametrize("name", REAL)
def test_real_headers(name: str) -> None:
    header = pydicom.dcmread(shared_folder("data") / name, stop_before_pixels=True)
    assert mr_contrast(header) == REAL[name]

"""What the node makes of each bundle's metadata in MONAI's zoo, before any network is built."""

from pathlib import Path

import numpy as np
import pytest

from inference.bundles.description import describe
from inference.bundles.prompts import Click, Prompts
from inference.bundles.runner import Boxes
from inference.bundles.single_images import describe_image_bundle, is_image_bundle
from inference.imaging.volume import assemble_volume
from inference.models.description import OwnSegments
from inference.pipelines.box_findings import boxes_as_findings
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.monai_zoo.studies import CARDS

REFUSED = {
    "brats_mri_axial_slices_generative_diffusion": "makes images out of noise",
    "brats_mri_generative_diffusion": "makes images out of noise",
    "maisi_ct_generative": "makes images out of noise",
    "mednist_gan": "makes images out of noise",
    "mednist_reg": "registers one image to another",
    "pathology_nuclei_classification": "a microscope's slide",
    "pathology_nuclei_segmentation_classification": "a microscope's slide",
    "pathology_nuclick_annotation": "a microscope's slide",
    "pathology_tumor_detection": "a microscope's slide",
    "vista2d": "a microscope's slide",
}
LABELS = {
    "lung_nodule_ct_detection": 1,
    "pancreas_ct_dints_segmentation": 2,
    "pediatric_abdominal_ct_segmentation": 3,
    "prostate_mri_anatomy": 2,
    "renalStructures_UNEST_segmentation": 3,
    "spleen_ct_segmentation": 1,
    "spleen_deepedit_annotation": 1,
    "swin_unetr_btcv_segmentation": 13,
    "ventricular_short_axis_3label": 3,
    "vista3d": 132,
    "wholeBody_ct_segmentation": 104,
    "wholeBrainSeg_Large_UNEST_segmentation": 132,
}
IMAGES = {
    "breast_density_classification": ("image-classification", ("MG",), 4),
    "endoscopic_inbody_classification": ("image-classification", ("ES", "XC"), 2),
    "endoscopic_tool_segmentation": ("image-segmentation", ("ES", "XC"), 2),
    "valve_landmarks": ("image-landmarks", ("MR",), 10),
}


@pytest.fixture
def zoo(shared_data: Path) -> Path:
    return shared_data / "monai_model_zoo"


def test_what_analyses_no_image_of_a_study_is_refused_in_one_sentence(zoo: Path) -> None:
    for name, why in REFUSED.items():
        with pytest.raises(InvalidRequest, match=why) as refused:
            (describe_image_bundle if is_image_bundle(zoo / name) else describe)(zoo / name)
        assert refused.value.message.count(". ") == 0
        assert refused.value.message.endswith(".")


def test_volumes_are_described_with_the_labels_of_their_metadata(zoo: Path) -> None:
    for name, count in LABELS.items():
        found = describe(zoo / name)
        assert not is_image_bundle(zoo / name)
        assert len(found.labels) == count, name
        codes = {found.segment(value).code for value in found.labels}
        assert len(codes) == count, name


def test_images_are_described_with_what_takes_them(zoo: Path) -> None:
    for name, (kind, modalities, count) in IMAGES.items():
        found = describe_image_bundle(zoo / name)
        assert is_image_bundle(zoo / name)
        assert (found.kind, found.card.model.modalities) == (kind, modalities)
        assert len(found.labels) == count


def test_every_bundle_of_the_zoo_is_in_one_of_the_lists(zoo: Path) -> None:
    """Eighteen that run and ten that are refused; two of the eighteen take several series."""
    stated = {
        *REFUSED,
        *LABELS,
        *IMAGES,
        *(name for name in CARDS if "inputs" in CARDS[name]),
    }
    assert stated == {path.name for path in zoo.iterdir() if path.is_dir()}
    assert len(stated) == 18 + len(REFUSED)


def test_labels_that_begin_alike_have_codes_of_their_own() -> None:
    labels = "Right-Cerebellum-Exterior", "Right-Cerebellum-White-Matter", "Spleen"
    codes = [OwnSegments(labels).of(label).code[0] for label in labels]
    assert len(set(codes)) == 3
    assert codes[2] == "Spleen"
    assert max(map(len, codes)) <= 16


def test_a_click_in_the_patient_is_where_the_network_looks() -> None:
    datasets = builders.series(
        builders.asymmetric_mask((6, 8, 10)).astype("int16"),
        directions=builders.rotation(10, -20, 30),
    )
    volume = assemble_volume(datasets)
    at = volume.lps_from_kji @ (2, 3, 4, 1)
    clicks = [Click(tuple(at[:3])), Click(tuple(at[:3]), inside=False)]
    given = Prompts.of_clicks([Click(tuple(at[:3]), "spleen"), clicks[1]], volume).given
    assert given["spleen"][0] == pytest.approx([4, 3, 2])
    assert given["background"][0] == pytest.approx([4, 3, 2])
    given = Prompts.of_points(clicks, volume, 3).given
    assert given["point_labels"] == [1, 0]
    assert given["label_prompt"] == [3]
    with pytest.raises(InvalidRequest, match="outside the series"):
        Prompts.of_clicks([Click((1e3, 0, 0), "spleen")], volume)


def test_a_small_box_within_a_surer_one_is_still_seen(zoo: Path) -> None:
    volume = assemble_volume(builders.series(np.zeros((12, 12, 12), np.int16)))
    middle = (volume.lps_from_kji @ (6, 6, 6, 1))[:3]
    corners = np.array([[middle - half, middle + half] for half in (8.0, 2.0)])
    boxes = Boxes(corners, np.eye(3), np.zeros(2, np.int64), np.array([0.9, 0.6]))
    segments, masks, _ = boxes_as_findings(
        describe(zoo / "lung_nodule_ct_detection"), boxes, volume
    )
    assert masks is not None
    assert len(segments) == 2
    assert set(np.unique(masks)) == {0, 1, 2}

"""Pipelines of pictures, with models in Hugging Face's own format that are made here."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.imaging.picture_files import open_picture
from inference.pipeline import PipelineContext
from inference.pipelines.single_images.classification import ImageClassification
from inference.pipelines.single_images.segmentation import ImageSegmentation
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest, LimitExceeded, NotConfigured
from storage.settings import Settings, load_settings
from tests.inference.language import small_vision_models
from tests.inference.orchestration import complete_series, storage_in

LABELS = {0: "bright", 1: "dark", 2: "neither"}


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small ViT with an image processor, saved as `save_pretrained` saves them."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("vit")
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        image_size=32, patch_size=8, id2label=LABELS, label2id={v: k for k, v in LABELS.items()},
    )  # fmt: skip
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def _picture(kind: str, mode: str = "RGB") -> bytes:
    values = np.random.default_rng(6).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, kind)
    return stream.getvalue()


def _classifier(model: str) -> ImageClassification:
    return ImageClassification(load_settings(hf_img_cls_model=model))


def _run(model: str, image: bytes | None) -> list[tuple[str, float]]:
    output = _classifier(model).run(PipelineContext(Settings(), image=image))
    return [(answer.label, answer.confidence) for answer in output.classifications]


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "L"), ("JPEG", "RGB")])
def test_a_picture_gets_the_labels_of_the_model(model_folder: Path, kind: str, mode: str) -> None:
    answers = _run(str(model_folder), _picture(kind, mode))
    assert {label for label, _ in answers} == set(LABELS.values())
    confidences = [confidence for _, confidence in answers]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1.0, abs=1e-5)


def test_the_answers_are_those_of_the_model_by_hand(model_folder: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    picture = _picture("PNG")
    image = Image.open(io.BytesIO(picture))
    pixels = AutoImageProcessor.from_pretrained(model_folder)(image, return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForImageClassification.from_pretrained(model_folder)(**pixels).logits
    expected = logits.softmax(-1)[0]
    for label, confidence in _run(str(model_folder), picture):
        index = next(index for index, name in LABELS.items() if name == label)
        assert confidence == pytest.approx(float(expected[index]), abs=1e-5)


def test_without_a_model_the_remedy_is_named() -> None:
    with pytest.raises(NotConfigured) as refusal:
        _run("", _picture("PNG"))
    assert "HF_IMG_CLS_MODEL" in refusal.value.remedy
    readiness = _classifier("").readiness()
    assert not readiness.ready
    assert "HF_IMG_CLS_MODEL" in readiness.detail


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="cannot be loaded"):
        _run(str(tmp_path), _picture("PNG"))


def test_what_is_no_picture_is_refused(model_folder: Path) -> None:
    with pytest.raises(InvalidRequest, match="not a readable PNG or JPEG"):
        _run(str(model_folder), b"not a picture")
    with pytest.raises(InvalidRequest, match="not a readable PNG or JPEG"):
        _run(str(model_folder), _picture("PNG")[:200])
    with pytest.raises(InvalidRequest, match="was given no image"):
        _run(str(model_folder), None)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("columns", "limit"), [(10_001, "10001 × 10000"), (20_001, "more than")])
def test_a_picture_beyond_the_limit_is_refused(
    model_folder: Path, columns: int, limit: str
) -> None:
    stream = io.BytesIO()
    Image.new("1", (columns, 10_000)).save(stream, "PNG")
    with pytest.raises(LimitExceeded, match=f"{limit}.* pixels"):
        _run(str(model_folder), stream.getvalue())


def test_a_picture_is_seen_upright() -> None:
    values = np.random.default_rng(6).integers(0, 255, (40, 60), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned to the left.
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", exif=exif)
    upright = np.asarray(open_picture(stream.getvalue()))[..., 0]
    assert (upright == np.rot90(values, -1)).all()


def test_no_series_is_taken(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        series = complete_series(storage, "a", 3)
    assert not _classifier("").accepts(series, (), ()).accepted


def test_a_classifier_proves_that_it_looks(model_folder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import ViTForImageClassification, ViTImageProcessor

    proof = _classifier(str(model_folder)).prove()
    assert set(proof.answer) == {f"score of {label}" for label in LABELS.values()}
    blind = ViTForImageClassification.from_pretrained(model_folder)
    with torch.no_grad():
        blind.vit.embeddings.patch_embeddings.projection.weight.zero_()
    blind.save_pretrained(tmp_path)
    ViTImageProcessor.from_pretrained(model_folder).save_pretrained(tmp_path)
    with pytest.raises(ModelUnusable, match="answers a blank picture like any other"):
        _classifier(str(tmp_path)).prove()


def test_a_model_of_the_hub_needs_its_commit() -> None:
    pipeline = _classifier("owner/name")
    readiness = pipeline.readiness()
    assert not readiness.ready
    assert not readiness.optional
    assert "without a commit" in readiness.detail
    commit = "0123456789abcdef0123456789abcdef01234567"
    pinned = _classifier(f"owner/name@{commit}")
    assert pinned.readiness().ready
    assert (pinned.card.name, pinned.card.revision) == ("name", commit)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> ImageSegmentation:
    """A small SegFormer, saved as `save_pretrained` saves them."""
    folder = small_vision_models.segformer(tmp_path_factory.mktemp("segformer"))
    return ImageSegmentation(load_settings(hf_img_seg_model=str(folder)))


def test_a_picture_is_parted_among_the_classes(segmenter: ImageSegmentation) -> None:
    """Beside transformers' own post-processing, which widens logits where we widen shares."""
    import torch
    from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

    picture = _picture("PNG")
    output = segmenter.run(PipelineContext(Settings(), image=picture))
    folder = segmenter.card.source
    processor = AutoImageProcessor.from_pretrained(folder)
    model = AutoModelForSemanticSegmentation.from_pretrained(folder)
    with torch.no_grad():
        answer = model(**processor(Image.open(io.BytesIO(picture)), return_tensors="pt"))
    (expected,) = processor.post_process_semantic_segmentation(answer, target_sizes=[(40, 60)])
    labels = output.label_picture
    assert labels is not None
    assert labels.shape == (40, 60)
    assert len(np.unique(labels)) > 1
    assert float((labels == expected.numpy()).mean()) > 0.97
    names = {f"Share of {name}": value for value, name in enumerate(output.label_names)}
    shares = {one.label: one.value for one in output.measurements}
    for name, share in shares.items():
        assert share == pytest.approx(100 * float((labels == names[name]).mean()))
    assert sum(shares.values()) == pytest.approx(100)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    for one in output.measurements:
        assert one.unit.value == "%"
        assert one.confidence is not None
        assert 1 / 3 <= one.confidence <= 1


def test_a_segmenter_proves_that_it_looks(segmenter: ImageSegmentation) -> None:
    proof = segmenter.prove()
    assert sum(proof.answer.values()) == pytest.approx(1, abs=1e-4)
    assert set(proof.answer) == {"score of background", "score of lesion", "score of skin"}


def test_without_a_segmenter_the_remedy_is_named() -> None:
    with pytest.raises(NotConfigured) as refusal:
        ImageSegmentation(Settings()).run(PipelineContext(Settings(), image=_picture("PNG")))
    assert "HF_IMG_SEG_MODEL" in refusal.value.remedy

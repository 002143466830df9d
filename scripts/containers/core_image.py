"""What the image without models has and has not: run inside it by image.sh."""

import importlib.util
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from inference.language.documents.reading import read_image
from inference.pipelines.catalogue import catalogue
from storage.settings import Settings

ABSENT = ("torch", "torchvision", "monai", "transformers", "sentence_transformers")


def main() -> None:
    assert [name for name in ABSENT if importlib.util.find_spec(name) is not None] == []
    page = Image.new("RGB", (900, 200), "white")
    ImageDraw.Draw(page).text((30, 60), "CHEST 2026", "black", ImageFont.load_default(72))
    read = " ".join(line.text for line in read_image(page, 1).lines)
    assert "CHEST" in read, read
    assert "2026" in read, read
    print(f"image core: no {', '.join(ABSENT)}; OCR reads {read!r}")
    standing = {one.name: one.readiness() for one in catalogue(Settings(data_dir=Path("/data")))}
    print("image core:", ", ".join(f"{name}: {one.ready}" for name, one in standing.items()))
    assert standing["brain-volume"].ready, standing["brain-volume"].detail


if __name__ == "__main__":
    main()

"""From a folder of DICOM files to a picture of the volume with its masks.

    NODE_URL=https://mediview.example.org NODE_KEY=mvk_… python plot_study.py FOLDER PICTURE.png

Needs `mediview-client[imaging]` and matplotlib. Research use only: the masks are UNVERIFIED.
"""

import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from mediview_client import MediView
from mediview_client.imaging import Segmentation, Volume

AXES = ("slices", "rows", "columns")


def main(folder: Path, picture: Path) -> None:
    with MediView(os.environ["NODE_URL"], os.environ["NODE_KEY"]) as node:
        started = node.uploads.analyze(folder)
        for study_instance_uid in started["study_instance_uids"]:
            study = node.studies.wait(study_instance_uid)
            print(study["state_text"])
            for finding in node.findings.of_study(study_instance_uid):
                unit = finding["unit"]["value"] if finding["unit"] else ""
                print(finding["label"], finding["value"], unit)
            job = next(one for one in study["jobs"] if one["state"] == "completed")
            volume = node.images.volume(study_instance_uid, job["series_instance_uid"])
            (mask, *_) = node.images.segmentations(study_instance_uid)
            plot(volume, mask.on(volume), picture)


def plot(volume: Volume, mask: Segmentation, picture: Path) -> None:
    """The middle of the mask, cut along each axis of the volume, in its true proportions."""
    centre = np.argwhere(mask.labels > 0).mean(axis=0).round().astype(int)
    figure, panels = plt.subplots(1, 3, figsize=(12, 4))
    for axis, panel in enumerate(panels):
        vertical_mm, horizontal_mm = np.delete(volume.spacing_mm, axis)
        image = volume.array.take(centre[axis], axis)
        labels = mask.labels.take(centre[axis], axis)
        aspect = vertical_mm / horizontal_mm
        panel.imshow(image, cmap="gray", aspect=aspect)
        panel.imshow(np.ma.masked_equal(labels, 0), alpha=0.4, cmap="autumn", aspect=aspect)
        panel.set_title(f"{AXES[axis]}: {centre[axis]}")
        panel.axis("off")
    figure.savefig(picture)
    plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

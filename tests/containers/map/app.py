"""A small MONAI Application Package: marks what is bright in the series that it is given.

It knows nothing of the node: DICOM in, DICOM out, by the folders of its manifest. FAULT makes it
misbehave.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
from pydicom.sr.codedict import codes

GIVEN = Path(os.environ["HOLOSCAN_INPUT_PATH"])
WRITTEN = Path(os.environ["HOLOSCAN_OUTPUT_PATH"])
FAULT = Path("/opt/monai/fault").read_text().strip() if Path("/opt/monai/fault").exists() else ""


def main() -> None:
    print("Patient", os.environ.get("HOME"))
    images = sorted(
        (pydicom.dcmread(path) for path in GIVEN.glob("*.dcm")),
        key=lambda one: float(np.dot(one.ImagePositionPatient, normal_of(one))),
    )
    voxels = np.stack([one.pixel_array for one in images])
    bright = voxels > 500
    if FAULT:
        misbehave(images, bright)
    segmentation = mark(images, bright)
    if FAULT == "other-study":
        segmentation.StudyInstanceUID = "2.25.99"
    if FAULT == "other-place":
        for frame in segmentation.PerFrameFunctionalGroupsSequence:
            plane = frame.PlanePositionSequence[0]
            plane.ImagePositionPatient = [
                plane.ImagePositionPatient[0] + 7.5,
                *plane.ImagePositionPatient[1:],
            ]
    segmentation.save_as(WRITTEN / "mask.dcm")
    results = {
        "measurements": [{"label": "Bright voxels", "value": int(bright.sum()), "unit": "1"}],
        "classifications": {"bright": 0.75},
    }
    (WRITTEN / "results.json").write_text(json.dumps(results))
    (WRITTEN / "log.txt").write_text("done")


def normal_of(image: pydicom.Dataset) -> np.ndarray:
    row, column = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
    return np.cross(row, column)


def mark(images: list[pydicom.Dataset], bright: np.ndarray) -> hd.seg.Segmentation:
    algorithm = hd.AlgorithmIdentificationSequence(
        name="Bright", version="1.2.0", family=codes.DCM.ArtificialIntelligence
    )
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=bright.astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription(
                segment_number=1,
                segment_label="Bright",
                segmented_property_category=codes.SCT.AnatomicalStructure,
                segmented_property_type=codes.SCT.Spleen,
                algorithm_type="AUTOMATIC",
                algorithm_identification=algorithm,
            )
        ],
        series_instance_uid=hd.UID(),
        series_number=900,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Another vendor",
        manufacturer_model_name="Bright",
        software_versions="1.2.0",
        device_serial_number="1",
    )


def misbehave(images: list[pydicom.Dataset], bright: np.ndarray) -> None:
    if FAULT == "status":
        print(images[0].PatientName, file=sys.stderr)
        raise SystemExit(7)
    if FAULT == "endless":
        time.sleep(3600)
    if FAULT == "memory":
        hog = bytearray(600 * 1024 * 1024)
        hog[::4096] = b"x" * len(hog[::4096])
    if FAULT == "disk":
        for number in range(1000):
            (WRITTEN / f"{number}.bin").write_bytes(bytes(2 * 1024 * 1024))
            time.sleep(0.01)
        time.sleep(5)
    if FAULT == "volume":
        for number in range(10):
            Path(f"/big/{number}.bin").write_bytes(bytes(32 * 1024 * 1024))
        raise SystemExit(0)
    if FAULT == "link":
        (WRITTEN / "mask.dcm").symlink_to("/etc/passwd")
        raise SystemExit(0)
    if FAULT == "curious":
        print(json.dumps(attempts()))
        (WRITTEN / "results.json").write_text(
            json.dumps(
                {
                    "measurements": [
                        {"label": name, "value": float(worked), "unit": "1"}
                        for name, worked in attempts().items()
                    ]
                }
            )
        )
        raise SystemExit(0)
    if FAULT == "nifti":
        first, last = images[0], images[-1]
        row, column = np.reshape(first.ImageOrientationPatient, (2, 3)).astype(float)
        step = np.subtract(last.ImagePositionPatient, first.ImagePositionPatient) / (
            len(images) - 1
        )
        affine = np.eye(4)
        affine[:3, 0] = row * float(first.PixelSpacing[1])
        affine[:3, 1] = column * float(first.PixelSpacing[0])
        affine[:3, 2] = step
        affine[:3, 3] = first.ImagePositionPatient
        image = nib.Nifti1Image(bright.astype(np.uint8).T, np.diag((-1, -1, 1, 1)) @ affine)
        # As a program that turns what it reads would write it.
        nib.save(nib.as_closest_canonical(image), WRITTEN / "mask.nii.gz")
        raise SystemExit(0)


def attempts() -> dict[str, bool]:
    """What a container must not be able to do."""

    def works(action: object) -> bool:
        try:
            action()
        except OSError:
            return False
        return True

    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.replace("\t", "").split(":", 1) for line in lines)
    return {
        "reaches the network": works(lambda: socket.create_connection(("127.0.0.1", 80), 1))
        or len(socket.if_nameindex()) > 1,
        "writes its root": works(lambda: Path("/opt/monai/x").write_text("x")),
        "changes its input": works(lambda: next(GIVEN.iterdir()).write_bytes(b"")),
        "is root": os.getuid() == 0,
        "is root outside": Path("/proc/self/uid_map").read_text().split()[1] == "0",
        "sees secrets": any(name.startswith("MEDIVIEW") for name in os.environ),
        "has capabilities": set(status["CapEff"]) != {"0"},
    }


main()

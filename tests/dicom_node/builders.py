"""Small instances made for one purpose, and plain tools to send them."""

import subprocess
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import config, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from dicom_node.scu import SendItem
from storage.dicom.file_meta import read_file_meta
from tests.services import tool


def ct_instance(
    *,
    size: int = 16,
    seed: int = 0,
    study_instance_uid: str | None = None,
    series_instance_uid: str | None = None,
    sop_instance_uid: str | None = None,
    sop_class_uid: str = CTImageStorage,
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
    instance_number: int = 1,
    patient_id: str = "TEST-1",
    patient_name: str = "Test^Subject",
) -> Dataset:
    """One CT slice of `size` x `size` random pixels, without geometry."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = sop_instance_uid or generate_uid()
    ds.StudyInstanceUID = study_instance_uid or generate_uid()
    ds.SeriesInstanceUID = series_instance_uid or generate_uid()
    ds.PatientID = patient_id
    ds.PatientName = patient_name
    ds.PatientBirthDate = "19700101"
    ds.PatientSex = "O"
    ds.StudyDate = "20240131"
    ds.StudyTime = "101500"
    ds.AccessionNumber = "A1"
    ds.StudyID = "1"
    ds.StudyDescription = "CT of nobody"
    ds.ReferringPhysicianName = ""
    ds.Modality = "CT"
    ds.SeriesNumber = 1
    ds.InstanceNumber = instance_number
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = size
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    pixels = np.random.default_rng(seed).integers(0, 4096, (size, size), dtype="<u2")
    ds["PixelData"] = _pixel_data(pixels.tobytes())
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = sop_class_uid
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = transfer_syntax_uid
    return ds


def _pixel_data(value: bytes) -> DataElement:
    return DataElement(0x7FE00010, "OW", value)


def encoded(ds: Dataset) -> bytes:
    """The part-10 file of a data set."""
    stream = BytesIO()
    ds.save_as(
        stream,
        implicit_vr=ds.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian,
        little_endian=True,
        enforce_file_format=True,
    )
    return stream.getvalue()


def data_set_bytes(part10: bytes) -> bytes:
    return part10[read_file_meta(part10).dataset_offset :]


def write(ds: Dataset, path: Path) -> Path:
    path.write_bytes(encoded(ds))
    return path


def item_of(part10: bytes) -> SendItem:
    """What `scu.send` takes, from a part-10 file as it stands."""
    header = dcmread(BytesIO(part10), stop_before_pixels=True)
    return SendItem(
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid=str(header.SOPInstanceUID),
        transfer_syntax_uid=str(header.file_meta.TransferSyntaxUID),
        open=lambda: BytesIO(part10),
    )


def storescu(port: int, files: Iterable[Path], *options: str) -> subprocess.CompletedProcess[str]:
    """DCMTK's storescu with verbose output; each file in its own transfer syntax with -xf etc."""
    return dcmtk("storescu", "-v", "-aec", "MEDIVIEW", *options, "127.0.0.1", str(port), *files)


def identifier(keys: Mapping[str, str | list[str] | None]) -> Dataset:
    """An identifier with any key values, valid or not."""
    query = Dataset()
    for keyword, value in keys.items():
        tag = Tag(keyword)
        query[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)
    return query


def dcmtk(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool(program, "dcmtk"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )

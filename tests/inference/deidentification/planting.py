"""Instances with identifiers planted wherever a sender may put them, each one unlike any other."""

import io
import random
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    generate_uid,
)
from reportlab.pdfgen.canvas import Canvas

from tests.builders import series

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_PERSONS = (
    "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "RequestingPhysician",
    "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord", "ResponsiblePerson",
    "ConsultingPhysicianName", "PersonName", "ScheduledPerformingPhysicianName",
)  # fmt: skip
_NUMBERS = (
    "PatientID", "AccessionNumber", "StudyID", "AdmissionID", "OtherPatientIDs",
    "MedicalRecordLocator", "PerformedProcedureStepID", "RequestedProcedureID",
    "IssuerOfPatientID", "DeviceSerialNumber", "FillerOrderNumberImagingServiceRequest",
    "PlacerOrderNumberImagingServiceRequest", "InsurancePlanIdentification", "ServiceEpisodeID",
)  # fmt: skip
_PLACES = (
    "InstitutionName", "InstitutionAddress", "PatientAddress", "StationName",
    "InstitutionalDepartmentName", "RegionOfResidence", "PatientTelephoneNumbers",
    "CurrentPatientLocation",
)  # fmt: skip
_FREE_TEXTS = (
    "PatientComments", "ImageComments", "StudyDescription", "SeriesDescription",
    "AdditionalPatientHistory", "RequestedProcedureDescription", "ProtocolName", "StudyComments",
    "DerivationDescription", "PatientState", "Allergies", "AcquisitionComments", "Occupation",
    "ReasonForTheRequestedProcedure", "RequestedProcedureComments", "PreMedication",
)  # fmt: skip
_DATES = (
    "PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate",
    "LastMenstrualDate", "AdmittingDate", "ScheduledProcedureStepStartDate",
    "InstanceCreationDate", "PerformedProcedureStepStartDate",
)  # fmt: skip


@dataclass
class Planter:
    """Plants, and remembers what."""

    seed: int
    planted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def word(self) -> str:
        some = self._random
        letters = "".join(some.choice(_CONSONANTS) + some.choice(_VOWELS) for _ in range(5))
        return self._plant(letters.capitalize())

    def person(self) -> str:
        return f"{self.word()}^{self.word()}"

    def number(self) -> str:
        letters = "".join(self._random.choices("BCDFGHJKLMNPQRSTVWXZ", k=3))
        return self._plant(f"{letters}{self._random.randrange(10**6, 10**7)}")

    def day(self) -> str:
        day = date(1930, 1, 1) + timedelta(days=self._random.randrange(30_000))
        return self._plant(f"{day:%Y%m%d}")

    def uid(self) -> str:
        return self._plant(generate_uid(entropy_srcs=[str(self.seed), str(len(self.planted))]))

    def sentence(self) -> str:
        """As people write: a label, a name, an identifier, a date."""
        day = self.day()
        self.planted.append(f"{day[:4]}-{day[4:6]}-{day[6:]}")
        return (
            f"CT head of {self.word()}, {self.number()}, born"
            f" {day[:4]}-{day[4:6]}-{day[6:]}, without contrast"
        )

    def _plant(self, value: str) -> str:
        self.planted.append(value)
        return value


def image(planter: Planter, **attributes: object) -> Dataset:
    """A CT slice with some hundred identifiers."""
    (ds,) = series(np.zeros((1, 8, 8), np.int16), modality="CT", seed=planter.seed)
    _common(ds, planter)
    _nested(ds, planter)
    _private(ds, planter)
    ds.add_new(Tag(0x6000, 0x0010), "US", 8)
    ds.add_new(Tag(0x6000, 0x0022), "LO", planter.word())
    ds.add_new(Tag(0x6000, 0x1500), "LO", planter.number())
    ds.add_new(Tag(0x6000, 0x3000), "OW", planter.number().encode().ljust(16))
    ds.add_new(Tag(0x5000, 0x2500), "LO", planter.word())
    ds.add_new(Tag(0xFFFC, 0xFFFC), "OB", planter.number().encode() + b"\0\0")
    ds.preamble = planter.number().encode().ljust(128, b"\0")
    ds.file_meta.SourceApplicationEntityTitle = planter.number()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def report(planter: Planter) -> Dataset:
    """A structured report whose content names persons, times and other instances."""
    ds = image(planter)
    _without_pixels(ds, ComprehensiveSRStorage, "SR")
    items = []
    for value_type, keyword, value in (
        ("TEXT", "TextValue", planter.sentence()),
        ("PNAME", "PersonName", planter.person()),
        ("DATE", "Date", planter.day()),
        ("DATETIME", "DateTime", planter.day() + "101500"),
        ("UIDREF", "UID", planter.uid()),
        ("TEXT", "TextValue", planter.number()),
    ):
        item = Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", value_type
        item.ConceptNameCodeSequence = [_code("121106", "Comment")]
        setattr(item, keyword, value)
        items.append(item)
    container = Dataset()
    container.RelationshipType, container.ValueType = "CONTAINS", "CONTAINER"
    container.ContentSequence = items
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ContentSequence = [container]
    observer = Dataset()
    observer.VerifyingObserverName = planter.person()
    observer.VerifyingOrganization = planter.word()
    observer.VerificationDateTime = planter.day()
    observer.VerifyingObserverIdentificationCodeSequence = [_code(planter.number(), planter.word())]
    ds.VerifyingObserverSequence = [observer]
    return ds


def presentation(planter: Planter) -> Dataset:
    """Annotations over an image."""
    ds = image(planter)
    _without_pixels(ds, GrayscaleSoftcopyPresentationStateStorage, "PR")
    text, shape, annotation = Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue = planter.sentence()
    shape.GraphicType, shape.GraphicData = "POINT", [1.0, 2.0]
    annotation.GraphicLayer = "LAYER"
    annotation.TextObjectSequence, annotation.GraphicObjectSequence = [text], [shape]
    ds.GraphicAnnotationSequence = [annotation]
    ds.ContentLabel, ds.ContentDescription = "LABEL", planter.sentence()
    ds.ContentCreatorName = planter.person()
    return ds


def document(planter: Planter) -> Dataset:
    """A letter as PDF."""
    ds = image(planter)
    _without_pixels(ds, EncapsulatedPDFStorage, "DOC")
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=planter.seed % 2)
    canvas.setTitle(planter.word())
    canvas.setAuthor(planter.word())
    canvas.drawString(72, 700, planter.sentence())
    canvas.save()
    data = buffer.getvalue()
    ds.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    ds.MIMETypeOfEncapsulatedDocument, ds.DocumentTitle = "application/pdf", planter.word()
    return ds


def _common(ds: Dataset, planter: Planter) -> None:
    for keyword in _PERSONS:
        setattr(ds, keyword, planter.person())
    for keyword in _NUMBERS:
        setattr(ds, keyword, planter.number())
    for keyword in _PLACES:
        setattr(ds, keyword, planter.word())
    for keyword in _FREE_TEXTS:
        setattr(ds, keyword, planter.sentence())
    for keyword in _DATES:
        setattr(ds, keyword, planter.day())
    ds.AcquisitionDateTime = planter.day() + "121314.5+0100"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, planter.uid())
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.FrameOfReferenceUID = planter.uid()


def _nested(ds: Dataset, planter: Planter) -> None:
    request, other, reference, person = Dataset(), Dataset(), Dataset(), Dataset()
    request.AccessionNumber, request.RequestedProcedureID = planter.number(), planter.number()
    request.RequestingPhysician, request.StudyInstanceUID = planter.person(), planter.uid()
    request.RequestedProcedureDescription = planter.sentence()
    request.RequestedProcedureCodeSequence = [_code("CT1", "CT head")]
    ds.RequestAttributesSequence = [request]
    other.PatientID, other.IssuerOfPatientID = planter.number(), planter.word()
    ds.OtherPatientIDsSequence = [other]
    reference.ReferencedSOPClassUID = ds.SOPClassUID
    reference.ReferencedSOPInstanceUID = planter.uid()
    ds.ReferencedImageSequence = [reference]
    person.PersonIdentificationCodeSequence = [_code(planter.number(), planter.word())]
    person.InstitutionName, person.PersonTelephoneNumbers = planter.word(), planter.number()
    ds.ReferringPhysicianIdentificationSequence = [person]
    deep = Dataset()
    deep.PatientComments = planter.sentence()
    deep.PersonName = planter.person()
    for _ in range(6):
        outer = Dataset()
        outer.DerivationImageSequence = [deep]
        deep = outer
    ds.SourceImageSequence = [deep]


def _private(ds: Dataset, planter: Planter) -> None:
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x08, "CS", planter.number())
    vendor = ds.private_block(0x0029, planter.word(), create=True)
    vendor.add_new(0x10, "OB", planter.number().encode() + b"\0\0")
    vendor.add_new(0x11, "UN", planter.sentence().encode())
    vendor.add_new(0x12, "PN", planter.person())
    vendor.add_new(0x13, "DA", planter.day())
    item = Dataset()
    item.PatientName = planter.person()
    item.add_new(Tag(0x0031, 0x0010), "LO", "INNER")
    item.add_new(Tag(0x0031, 0x1001), "LT", planter.sentence())
    vendor.add_new(0x20, "SQ", [item])


def _without_pixels(ds: Dataset, sop_class_uid: str, modality: str) -> None:
    del ds.PixelData
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class_uid
    ds.Modality = modality


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code

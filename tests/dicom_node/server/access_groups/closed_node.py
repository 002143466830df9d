"""A node with access groups, its peers and what it holds."""

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom.sop_class import (
    CTImageStorage,
)

OURS, THEIRS = "CTN", "CTS"
BROKER = "BROKER"


def order(ae_title: str) -> dict[str, object]:
    step = {
        "Modality": "CT",
        "ScheduledStationAETitle": ae_title,
        "ScheduledProcedureStepStartDate": "20260601",
        "ScheduledProcedureStepStartTime": "080000",
        "ScheduledProcedureStepID": "1",
    }
    return {
        "PatientName": f"Ordered^{ae_title}",
        "PatientID": f"ORD-{ae_title}",
        "StudyInstanceUID": str(generate_uid(entropy_srcs=["order", ae_title])),
        "AccessionNumber": f"O{ae_title}",
        "ScheduledProcedureStepSequence": [step],
    }


def step(study_instance_uid: str, dataset: Dataset | None = None) -> Dataset:
    """A step that begins, and promises an instance more of the data set's series."""
    scheduled = Dataset()
    scheduled.StudyInstanceUID = study_instance_uid
    begun = Dataset()
    begun.ScheduledStepAttributesSequence = [scheduled]
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    begun.PerformedSeriesSequence = [] if dataset is None else [promised(dataset)]
    return begun


def promised(dataset: Dataset, keyword: str = "ReferencedImageSequence") -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = CTImageStorage
    reference.ReferencedSOPInstanceUID = generate_uid()
    series = Dataset()
    series.SeriesInstanceUID = dataset.SeriesInstanceUID
    setattr(series, keyword, [reference])
    return series

"""What of the storage layer a report is read from, without what makes DICOM objects."""

from typing import Protocol

from storage.container.has import (
    HasFindingFeedback,
    HasFindings,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasJobs,
    HasReports,
    HasSettings,
    HasWorklist,
)


class ReportStorage(
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasReports,
    HasWorklist,
    Protocol,
):
    """What of the storage layer a report is read from as it leaves."""


class ReportObjectStorage(ReportStorage, HasSettings, HasGenerated, Protocol):
    """What of the storage layer a report's objects are stored with."""

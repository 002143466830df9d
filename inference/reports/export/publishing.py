"""Reports on their way out: as DICOM objects to the destinations, as messages to HL7 systems."""

from datetime import datetime
from typing import Protocol

import structlog

from inference.deliveries.release import found_in_study, release_of, want_results
from inference.failures import place
from inference.reports.export.report_storage import ReportObjectStorage
from storage.container.has import HasDeliveries, HasPeers
from storage.core.errors import NotFound
from storage.core.postponed import Postponed
from storage.reports.entities import SIGNED_STATES, Report, ReportVersion
from storage.reports.hl7_outbox import Hl7Outbox
from storage.reports.publishing import ReportPublishing
from storage.settings import Settings

log = structlog.get_logger(__name__)

_REPORTS_PER_ROUND = 10
_WITHDRAWALS_PER_ROUND = 50
REPORT_AGAIN_S = 60.0


class PublishingStorage(ReportObjectStorage, HasPeers, HasDeliveries, Protocol):
    """What of the storage layer signed reports are published with."""

    @property
    def report_publishing(self) -> ReportPublishing: ...
    @property
    def hl7_outbox(self) -> Hl7Outbox: ...


def publish_due(storage: PublishingStorage, postponed: Postponed | None = None) -> int:
    """Hand out the versions that are to leave; how many were looked at.

    UIDs derive from report and version, so that a round that ended half way is done again
    and makes nothing twice. `postponed` remembers what failed, and is tried again later.
    """
    postponed = Postponed(REPORT_AGAIN_S) if postponed is None else postponed
    queued = storage.hl7_outbox.enqueue_withdrawals(
        [one.name for one in storage.settings.hl7_destinations], _WITHDRAWALS_PER_ROUND
    )
    if queued:
        log.info("hl7_withdrawals_queued", messages=queued)
    done = 0
    for report in storage.report_publishing.to_publish(_REPORTS_PER_ROUND, postponed.current()):
        done += 1
        try:
            if report.publish_version > report.published_version:
                _publish(storage, report)
            if report.superseded_at is not None and report.is_signed:
                _notify_superseded(storage, report, report.superseded_at)
        except NotFound:
            log.info("report_not_published", report_id=report.report_id, reason="nothing is left")
        except Exception as error:  # noqa: BLE001 - one report must not hold up the others
            postponed.add(report.report_id)
            log.error(
                "report_not_published",
                report_id=report.report_id,
                error=type(error).__name__,
                place=place(error),
            )
            continue
        storage.report_publishing.published(report.report_id, report.publish_version)
        storage.report_publishing.withdrawal_notified(report)
    return done


def _publish(storage: PublishingStorage, report: Report) -> None:
    version = storage.reports.version(report.report_id, report.publish_version)
    if not _leaves(storage.settings, version):
        return
    # What encodes results is large; a node that sends no reports needs none of it.
    from inference.reports.export.objects import store_objects

    instances = store_objects(storage, report, version)
    signed = version.state in SIGNED_STATES
    found = found_in_study(storage.jobs, storage.findings, report.study_instance_uid)
    for destination in storage.peers.destinations():
        taken = [one for one in instances if destination.takes(one.sop_class_uid)]
        release = "at_once" if signed else release_of(storage.settings, found, destination.name)
        want_results(storage.deliveries, destination.name, taken, release, None)
    for hl7 in storage.settings.hl7_destinations:
        # Nobody accepts a single message: what must not leave at once leaves signed.
        if signed or release_of(storage.settings, found, hl7.name) == "at_once":
            storage.hl7_outbox.enqueue(hl7.name, report, version.version)
    log.info(
        "report_published",
        report_id=report.report_id,
        version=version.version,
        state=version.state,
        objects=len(instances),
    )


def _notify_superseded(storage: PublishingStorage, report: Report, at: datetime) -> None:
    """To each destination that has the signed SR or PDF, the same once more with the notice.

    The unsigned ones are rejected with the results (`inference.withdrawals`); a person's word
    is not taken back by the node.
    """
    from inference.reports.export.objects import store_notices

    version = storage.reports.version(report.report_id, report.publish_version)
    for signed, notice in store_notices(storage, report, version, at):
        for name, cause in storage.deliveries.receivers_of(signed.sop_instance_uid).items():
            storage.deliveries.enqueue(name, [notice], None, cause=cause)
    log.info(
        "report_withdrawal_notified", report_id=report.report_id, version=report.publish_version
    )


def _leaves(settings: Settings, version: ReportVersion) -> bool:
    which = settings.report_delivery
    return which == "all" or (which == "signed" and version.state in SIGNED_STATES)

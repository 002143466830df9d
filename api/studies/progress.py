"""What a list of studies tells beside the state: who refused, and how far the results are."""

from collections.abc import Sequence

from api.reason_parts import reason_parts
from api.studies.schemas import DeliveryProgress, RefusalPayload
from api.studies.state import series_of_images
from inference.delays.main_reason import telling
from storage.core.entities import Decision, Delivery, Job, Series


def refusals(
    series: Sequence[Series], decisions: Sequence[Decision], jobs: Sequence[Job]
) -> list[RefusalPayload]:
    """By pipeline; one that ran somewhere in the study, or will, has not refused it.

    The reason is that of the series which the pipeline was nearest to taking, and of several the
    newest.
    """
    ran = {job.pipeline for job in jobs} | {one.pipeline for one in decisions if one.accepted}
    by_series = {one.series_instance_uid: one for one in series_of_images(series)}
    most: dict[str, Decision] = {}
    for one in sorted(decisions, key=lambda one: (telling(one, by_series), one.decided_at)):
        if one.pipeline not in ran:
            most[one.pipeline] = one
    numbers = {one.series_instance_uid: one.series_number for one in series}
    return [
        RefusalPayload(
            pipeline=name,
            reason=one.reason,
            reason_parts=reason_parts(one.reason),
            series_instance_uid=one.series_instance_uid,
            series_number=numbers.get(one.series_instance_uid),
        )
        for name, one in sorted(most.items())
    ]


def delivery_progress(deliveries: Sequence[Delivery]) -> DeliveryProgress:
    deliveries = [one for one in deliveries if one.state != "CANCELLED"]
    confirmed = sum(one.state == "CONFIRMED" for one in deliveries)
    return DeliveryProgress(
        total=len(deliveries),
        confirmed=confirmed,
        held=confirmed,
        failing=sum(one.state == "PENDING" and bool(one.last_error) for one in deliveries),
        awaiting_release=sum(one.state == "AWAITING_RELEASE" for one in deliveries),
        destinations=sorted({one.destination for one in deliveries}),
    )

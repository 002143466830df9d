"""What a list of studies tells beside the state: who refused, and how far the results are."""

from collections.abc import Sequence

from api.studies.schemas import DeliveryProgress, RefusalPayload
from storage.core.entities import Decision, Delivery, Job


def refusals(decisions: Sequence[Decision], jobs: Sequence[Job]) -> list[RefusalPayload]:
    """By pipeline; one that ran somewhere in the study, or will, has not refused it."""
    ran = {job.pipeline for job in jobs} | {one.pipeline for one in decisions if one.accepted}
    newest: dict[str, Decision] = {}
    for one in sorted(decisions, key=lambda decision: decision.decided_at):
        if one.pipeline not in ran:
            newest[one.pipeline] = one
    return [RefusalPayload(pipeline=name, reason=newest[name].reason) for name in sorted(newest)]


def delivery_progress(deliveries: Sequence[Delivery]) -> DeliveryProgress:
    return DeliveryProgress(
        total=len(deliveries),
        held=sum(one.state == "HELD" for one in deliveries),
        failing=sum(one.state == "PENDING" and bool(one.last_error) for one in deliveries),
        destinations=sorted({one.destination for one in deliveries}),
    )

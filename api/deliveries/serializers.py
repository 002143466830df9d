"""Deliveries as the API's JSON."""

from api.deliveries.schemas import DeliveryPayload
from storage.core.entities import Delivery


def delivery_payload(delivery: Delivery) -> DeliveryPayload:
    return DeliveryPayload(
        delivery_id=delivery.delivery_id,
        destination=delivery.destination,
        study_instance_uid=delivery.study_instance_uid,
        series_instance_uid=delivery.series_instance_uid,
        sop_instance_uid=delivery.sop_instance_uid,
        state=delivery.state,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at,
        last_error=delivery.last_error,
        job_id=delivery.job_id,
        cause=delivery.cause,
        rule=delivery.rule,
        sent_at=delivery.sent_at,
        waits_until=delivery.waits_until,
        note=delivery.note,
        created_at=delivery.created_at,
        updated_at=delivery.updated_at,
    )

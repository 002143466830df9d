"""Series as the API's JSON."""

from api.studies.schemas import SeriesSummary
from inference.series_classification.series_roles import ROLES
from storage.core.entities import Series


def series_summary(series: Series) -> SeriesSummary:
    return SeriesSummary(
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        series_number=series.series_number,
        series_description=series.series_description,
        body_part_examined=series.body_part_examined,
        protocol_name=series.protocol_name,
        manufacturer=series.manufacturer,
        frame_of_reference_uid=series.frame_of_reference_uid,
        instance_count=series.instance_count,
        size_bytes=series.size_bytes,
        state=series.state,
        origin=series.origin,
        received_at=series.first_instance_at,
        last_instance_at=series.last_instance_at,
        completed_at=series.completed_at,
        roles=[role for role in ROLES if role in (series.roles or "").split()],
    )

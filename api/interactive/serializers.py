"""Sessions of interactive models as the API answers them."""

import base64

from api.interactive.schemas import (
    ClickedPointPayload,
    DrawnShapePayload,
    GridPayload,
    GridSource,
    InitialMaskPayload,
    InteractiveSessionPayload,
    MaskPayload,
    SessionProblemPayload,
)
from storage.interactive.entities import Grid, InteractiveSession


def session_payload(
    session: InteractiveSession, grid: Grid | None = None, packed: bytes = b""
) -> InteractiveSessionPayload:
    """`packed`: the mask as the worker wrote it."""
    place = session.mask_place
    return InteractiveSessionPayload(
        session_id=session.session_id,
        study_instance_uid=session.study_instance_uid,
        series_instance_uid=session.series_instance_uid,
        model=session.pipeline,
        model_version=session.pipeline_version,
        structure=session.structure,
        state=session.state,
        reason=session.reason,
        created_at=session.created_at,
        number=session.wanted,
        answered=session.answered,
        points=[ClickedPointPayload(**one) for one in session.points],
        box=session.box,
        shapes=[DrawnShapePayload(**one) for one in session.shapes],
        initial=None if session.initial is None else InitialMaskPayload(**session.initial),
        problem=None if session.problem is None else SessionProblemPayload(**session.problem),
        voxels=session.voxels,
        took_ms=session.took_ms,
        grid=None
        if grid is None
        else GridPayload(
            slices=grid["slices"],
            rows=grid["rows"],
            columns=grid["columns"],
            lps_from_kji=grid["lps_from_kji"],
            sources=[
                GridSource(sop_instance_uid=uid, frame_number=number)
                for uid, number in grid["sources"]
            ],
        ),
        mask=None
        if place is None or not packed
        else MaskPayload(
            start=place["start"],
            shape=place["shape"],
            bits=base64.b64encode(packed).decode("ascii"),
        ),
    )

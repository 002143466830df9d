"""Segmentations that readers draw from nothing: saved as DICOM SEG, and as RTSTRUCT on wish."""

from typing import Protocol

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.access.authors import author_of
from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import CAPABILITIES, RESULTS, STORES
from api.base_schemas import code_payload
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from api.segmentations.label_map_form import (
    check_slices,
    label_map_body,
    label_values,
    read_label_map_form,
    unpacked_in_turn,
)
from api.segmentations.schemas import (
    NewSegment,
    NewSegmentation,
    SegmentationList,
    SegmentationPayload,
    SegmentPayload,
    StructureList,
    StructurePayload,
)
from inference.broker.notify import wake
from inference.results.author import Author
from inference.segmentations.entities import DrawnMasks, DrawnSegment, SavedSegmentation
from inference.segmentations.service import (
    SegmentationStorage,
    save_segmentation,
    saved_segmentations,
)
from inference.segmentations.structures import BY_ID, LATERALITIES, STRUCTURES, structure_of
from storage.container.has import HasSettings
from storage.core.errors import InvalidRequest

router = new_router(prefix="/api/studies/{study_instance_uid}/segmentations", tags=["reading"])
structures_router = new_router(prefix="/api/segmentations", tags=["reading"])

_MM3_IN_ML = 1000.0
_SIDES = {code.value: side for side, code in LATERALITIES.items()}


@structures_router.get("/structures", summary="What a segment may stand for")
@policy(READERS, "api:read", CAPABILITIES)
def list_structures() -> StructureList:
    """Names in both languages, codes of SNOMED CT, and colours."""
    return StructureList(
        items=[
            StructurePayload(
                id=one.id,
                category=code_payload(one.category),
                code=code_payload(one.code),
                name=one.code.meaning,
                name_de=one.name_de,
                color_rgb=one.color_rgb,
                may_have_side=one.is_paired,
            )
            for one in STRUCTURES
        ]
    )


@router.get("", summary="The segmentations that readers drew", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def list_segmentations(storage: StorageDep, study_instance_uid: StudyUid) -> SegmentationList:
    """The newest version of each, oldest first; results of pipelines are not among them."""
    storage.index.study(study_instance_uid)
    found = saved_segmentations(storage.index, storage.instances, study_instance_uid)
    return SegmentationList(items=[_payload(one) for one in found])


@router.post(
    "",
    status_code=201,
    summary="Save a segmentation",
    responses=problems(400, 404, 409, 413, 422, 507),
    openapi_extra={
        "requestBody": label_map_body(
            "segmentation", "NewSegmentation", "JSON: the series, segments, slices, rows, columns."
        )
    },
)
@policy(RADIOLOGISTS, "api:write", STORES)
async def add_segmentation(
    request: Request, storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid
) -> SegmentationPayload:
    """Written as a DICOM Segmentation with the caller as its author, and sent like every result.

    A version that names its predecessor stands in the same series and takes its place; nothing is
    lost. 409 where somebody else saved a newer version meanwhile, 400 where the slices are no
    regular stack of the series or a segment has no voxel.
    """
    new, packed = await read_label_map_form(request, "segmentation", NewSegmentation)
    return await run_in_threadpool(
        _save, storage, study_instance_uid, new, packed, author_of(principal)
    )


class RouteStorage(SegmentationStorage, HasSettings, Protocol):
    """What of the storage layer a segmentation is saved and sent with."""


def _save(
    storage: RouteStorage,
    study_instance_uid: str,
    new: NewSegmentation,
    packed: bytes,
    author: Author,
) -> SegmentationPayload:
    storage.index.study(study_instance_uid)
    segments = [_segment(number, one) for number, one in enumerate(new.segments, start=1)]
    slices = tuple((one.sop_instance_uid, one.frame_number) for one in new.slices)
    check_slices(storage.index, study_instance_uid, slices, new.rows, new.columns)
    with unpacked_in_turn():
        saved = save_segmentation(
            storage,
            study_instance_uid,
            new.series_instance_uid,
            segments,
            DrawnMasks(slices, label_values(packed, len(slices), new.rows, new.columns)),
            author,
            title=new.title,
            predecessor_uid=new.predecessor_sop_instance_uid,
            with_structure_set=new.with_structure_set,
        )
    wake(storage.settings)
    return _payload(saved)


def _segment(number: int, new: NewSegment) -> DrawnSegment:
    structure = BY_ID.get(new.structure)
    if structure is None:
        raise InvalidRequest(
            f"Segment {number} names the structure {new.structure}, which is not in the list.",
            remedy="GET /api/segmentations/structures lists them.",
        )
    if new.side and not structure.is_paired:
        raise InvalidRequest(
            f"Segment {number} names a side, and {structure.code.meaning} has none.",
            remedy="Leave the side out.",
        )
    return DrawnSegment(
        label=new.label,
        category=structure.category,
        type=structure.code,
        color_rgb=new.color_rgb or structure.color_rgb,
        laterality=LATERALITIES[new.side] if new.side else None,
        aids=tuple(dict.fromkeys(new.aids)),
        tracking_uid=new.tracking_uid,
    )


def _payload(saved: SavedSegmentation) -> SegmentationPayload:
    segments = []
    for number, one in enumerate(saved.segments, start=1):
        structure = structure_of(one.type.value, one.type.scheme_designator)
        segments.append(
            SegmentPayload(
                number=number,
                structure=structure.id if structure else None,
                code=code_payload(one.type),
                label=one.label,
                side=_SIDES.get(one.laterality.value) if one.laterality else None,
                color_rgb=one.color_rgb,
                tracking_uid=one.tracking_uid,
                voxels=one.voxels,
                volume_ml=None if one.volume_mm3 is None else one.volume_mm3 / _MM3_IN_ML,
            )
        )
    return SegmentationPayload(
        sop_instance_uid=saved.sop_instance_uid,
        series_instance_uid=saved.series_instance_uid,
        source_series_instance_uid=saved.source_series_instance_uid,
        title=saved.title,
        author=saved.author,
        version=saved.version,
        saved_at=saved.saved_at,
        segments=segments,
        replaces=list(saved.replaced),
        structure_set_sop_instance_uid=saved.structure_set_uid,
    )

"""How studies are laid out when a person opens them: hanging protocols, which a site may edit.

`hanging_protocol_file` keeps the site's; without them those shipped here count.
"""

import json
from typing import Annotated, Literal, Self

from fastapi import Response
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from api.access.policy import ADMINS, READERS, policy
from api.audit_rules import MODEL_CHANGED, PUBLIC, Audited
from api.deps import StorageDep
from api.errors import ApiProblem
from api.parameters import problems
from api.router_factory import new_router
from api.studies.hanging_protocol_file import (
    FILE,
    LayoutStorage,
    TooLarge,
    read_text,
    remove,
    write_text,
)
from storage.audit import Code, Type

router = new_router(prefix="/api/hanging-protocols", tags=["reading"])

_CHANGE = "change the hanging protocols"

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HangingWindow(_Part):
    """A window, in the values of the image (HU for CT)."""

    center: float = Field(allow_inf_nan=False, examples=[-600])
    width: float = Field(gt=0, allow_inf_nan=False, examples=[1500])


class HangingViewport(_Part):
    """What one viewport shows: a series, or images of one, that meet every condition.

    What another viewport of the layout shows already is not shown again.
    """

    study: Literal["current", "prior"] = Field(
        "current", description="`prior`: the newest earlier study with a series of the modality."
    )
    modalities: list[Word] = Field([], max_length=20, description="One of these; empty: any.")
    description_contains: list[Word] = Field(
        [], max_length=20, description="One of these words, in any case; empty: any description."
    )
    description_lacks: list[Word] = Field([], max_length=20, description="None of these words.")
    laterality: Literal["", "R", "L"] = Field(
        "", description="Image Laterality (0020,0062), else Laterality (0020,0060); empty: any."
    )
    views: list[Word] = Field(
        [],
        max_length=20,
        description="View Position (0018,5101) or what View Code Sequence (0054,0220) says, such"
        " as `CC` or `MLO`; empty: any.",
    )
    each_image: bool = Field(
        False, description="One image of a series, as of radiographs, and not the whole series."
    )
    window: HangingWindow | None = None
    required: bool = Field(
        True, description="Without such a series this layout is not shown at all."
    )


class HangingStage(_Part):
    """One layout: viewports row by row."""

    name: Word = Field(examples=["Four views"])
    rows: int = Field(ge=1, le=3)
    columns: int = Field(ge=1, le=3)
    linked: bool = Field(False, description="Scroll the viewports together.")
    viewports: list[HangingViewport] = Field(min_length=1, max_length=9)

    @model_validator(mode="after")
    def _as_many_as_fit(self) -> Self:
        if len(self.viewports) > self.rows * self.columns:
            raise ValueError(
                f"{self.rows} × {self.columns} has room for {self.rows * self.columns} viewports;"
                f" {len(self.viewports)} are described"
            )
        return self


class HangingProtocol(HangingStage):
    """When it applies, and what it shows first; its stages follow one after the other."""

    name: Word = Field(examples=["Chest CT beside its prior"])
    modalities: list[Word] = Field([], max_length=20, description="Of a series of the study.")
    body_parts: list[Word] = Field(
        [],
        max_length=20,
        description="Found in BodyPartExamined or in a description; empty: any part.",
    )
    stages: list[HangingStage] = Field(
        [],
        max_length=19,
        description="What the reader goes on to. A stage that lacks what it requires, or has"
        " viewports for a prior and none for them, is left out.",
    )


class HangingProtocols(_Part):
    """Tried in this order; the first that applies is taken. None: one viewport."""

    protocols: list[HangingProtocol] = Field([], max_length=200)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [one.name for one in self.protocols]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two protocols are named {name!r}")
        return self


def _beside_prior(name: str, modality: str, body_parts: list[str]) -> HangingProtocol:
    return HangingProtocol(
        name=name,
        modalities=[modality],
        body_parts=body_parts,
        rows=1,
        columns=2,
        linked=True,
        viewports=[
            HangingViewport(study="current", modalities=[modality]),
            HangingViewport(study="prior", modalities=[modality]),
        ],
    )


def _two_views(name: str, modality: str) -> HangingProtocol:
    view = HangingViewport(modalities=[modality], each_image=True)
    return HangingProtocol(
        name=name, modalities=[modality], rows=1, columns=2, viewports=[view, view]
    )


def _mammograms(name: str, *rows: tuple[Literal["current", "prior"], str]) -> HangingStage:
    """Each row of one view, right beside left: a breast that is missing leaves its place empty."""
    return HangingStage(
        name=name,
        rows=len(rows),
        columns=2,
        viewports=[
            HangingViewport(
                study=study, modalities=["MG"], laterality=side, views=[view], required=False
            )
            for study, view in rows
            for side in ("R", "L")
        ],
    )


_FOUR_VIEWS = _mammograms("Four views", ("current", "CC"), ("current", "MLO"))
SHIPPED = HangingProtocols(
    protocols=[
        HangingProtocol(
            name="Screening mammography",
            modalities=["MG"],
            rows=_FOUR_VIEWS.rows,
            columns=_FOUR_VIEWS.columns,
            viewports=_FOUR_VIEWS.viewports,
            stages=[
                _mammograms("CC, prior above", ("prior", "CC"), ("current", "CC")),
                _mammograms("MLO, prior above", ("prior", "MLO"), ("current", "MLO")),
                _mammograms("CC", ("current", "CC")),
                _mammograms("MLO", ("current", "MLO")),
            ],
        ),
        HangingProtocol(
            name="Brain MR, four contrasts",
            modalities=["MR"],
            body_parts=["HEAD", "BRAIN"],
            rows=2,
            columns=2,
            linked=True,
            viewports=[
                HangingViewport(modalities=["MR"], description_contains=["T1"]),
                HangingViewport(modalities=["MR"], description_contains=["FLAIR"]),
                HangingViewport(modalities=["MR"], description_contains=["T2"]),
                HangingViewport(modalities=["MR"], description_contains=["DWI", "DIFF", "ADC"]),
            ],
        ),
        _beside_prior("CT beside its prior", "CT", []),
        _beside_prior("MR beside its prior", "MR", []),
        _beside_prior("Radiograph beside its prior", "DX", []),
        _beside_prior("Computed radiograph beside its prior", "CR", []),
        _beside_prior("PET beside its prior", "PT", []),
        _two_views("Radiographs, two views", "DX"),
        _two_views("Computed radiographs, two views", "CR"),
    ]
)


@router.get("", summary="Show how studies are laid out", operation_id="get_hanging_protocols")
@policy(READERS, "api:read", PUBLIC)
def get_hanging_protocols(storage: StorageDep) -> HangingProtocols:
    """The site's protocols, or those shipped with the node where the site has none."""
    return _read(storage)


@router.put(
    "",
    summary="Set how studies are laid out",
    operation_id="put_hanging_protocols",
    responses=problems(400, 403),
)
@policy(ADMINS, "admin", MODEL_CHANGED, confirmed_to=_CHANGE)
def put_hanging_protocols(storage: StorageDep, protocols: HangingProtocols) -> HangingProtocols:
    """Replace the site's protocols; the viewer takes them at the next study that is opened.

    A person confirms the session first: those of before are not kept.
    """
    text = protocols.model_dump_json(indent=2, exclude_defaults=True).encode()
    write_text(storage, text)
    return protocols


@router.delete(
    "",
    status_code=204,
    summary="Go back to the layouts shipped with the node",
    operation_id="delete_hanging_protocols",
    responses=problems(403),
)
@policy(
    ADMINS,
    "admin",
    Audited(Code.SECURITY_ALERT, "D", Type.SOFTWARE_CONFIGURATION),
    confirmed_to=_CHANGE,
)
def delete_hanging_protocols(storage: StorageDep) -> Response:
    """Forget the site's protocols. Doing it again is harmless. A person confirms the session
    first.
    """
    remove(storage)
    return Response(status_code=204)


def _read(storage: LayoutStorage) -> HangingProtocols:
    try:
        text = read_text(storage)
        if text is None:
            return SHIPPED
        return HangingProtocols.model_validate(json.loads(text.decode("utf-8")))
    except TooLarge as error:
        raise _unusable(f"{FILE} is larger than 256 KiB.") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _unusable(f"{FILE} is not JSON: {error}.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}"
            for one in error.errors()
        )
        raise _unusable(f"{FILE} is wrong. {problems}.") from error


def _unusable(detail: str) -> ApiProblem:
    return ApiProblem(
        422,
        "hanging_protocols",
        detail,
        remedy="Correct the file in the data folder, or set the protocols by PUT.",
    )

"""The hanging protocols of a node whose site set none of its own."""

from typing import Literal

from api.hanging_protocol_schemas import (
    HangingProtocol,
    HangingProtocols,
    HangingStage,
    HangingViewport,
)
from inference.series_classification.series_roles import SeriesRole


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


_FRONTAL = ["PA", "AP", "FRONTAL"]
_LATERAL = ["LL", "RL", "LAT", "LATERAL"]


def _radiographs(words: str, modality: str) -> list[HangingProtocol]:
    """All views at once, then each beside the like one of a prior; a single film beside it."""

    def image(
        study: Literal["current", "prior"], views: list[str] | None = None, *, required: bool = True
    ) -> HangingViewport:
        return HangingViewport(
            study=study,
            modalities=[modality],
            views=views or [],
            each_image=True,
            required=required,
        )

    def beside(name: str, views: list[str]) -> HangingStage:
        return HangingStage(
            name=name, rows=1, columns=2, viewports=[image("current", views), image("prior", views)]
        )

    frontal = beside("Frontal view, prior beside", _FRONTAL)
    lateral = beside("Lateral view, prior beside", _LATERAL)
    now, then = image("current"), image("prior", required=False)
    above = HangingStage(
        name="Two views, priors above", rows=2, columns=2, viewports=[then, then, now, now]
    )
    return [
        HangingProtocol(
            name=f"{words}, three or four views",
            modalities=[modality],
            rows=2,
            columns=2,
            viewports=[now, now, now, image("current", required=False)],
            stages=[frontal, lateral, above],
        ),
        HangingProtocol(
            name=f"{words}, two views",
            modalities=[modality],
            rows=1,
            columns=2,
            viewports=[now, now],
            stages=[frontal, lateral, above],
        ),
        HangingProtocol(
            name=f"{words}, beside the prior",
            modalities=[modality],
            rows=1,
            columns=2,
            viewports=[now, image("prior")],
        ),
    ]


_Kind = Literal["", "usual", "special", "implant_displaced", "tomosynthesis"]


def _mammograms(
    name: str, *rows: tuple[Literal["current", "prior"], str], kinds: tuple[_Kind, ...] = ()
) -> HangingStage:
    """Each row of one view, right beside left: a breast that is missing leaves its place empty.

    `kinds`: that of each row; without them any, the usual ones first.
    """
    return HangingStage(
        name=name,
        rows=len(rows),
        columns=2,
        viewports=[
            HangingViewport(
                study=study,
                modalities=["MG"],
                laterality=side,
                views=[view],
                kind=kind,
                required=False,
            )
            for (study, view), kind in zip(rows, kinds or ("",) * len(rows), strict=True)
            for side in ("R", "L")
        ],
    )


def _special_views() -> HangingStage:
    """Spot, magnified and rolled views, one by one, right beside left."""
    return HangingStage(
        name="Special views",
        rows=2,
        columns=2,
        viewports=[
            HangingViewport(
                modalities=["MG"], laterality=side, kind="special", each_image=True, required=False
            )
            for _ in range(2)
            for side in ("R", "L")
        ],
    )


def _beside_tomosynthesis(view: str) -> HangingStage:
    return _mammograms(
        f"{view}, tomosynthesis below",
        ("current", view),
        ("current", view),
        kinds=("usual", "tomosynthesis"),
    )


def _by_role(*roles: SeriesRole) -> list[HangingViewport]:
    return [HangingViewport(role=role) for role in roles]


def _role_beside_prior(name: str, role: SeriesRole) -> HangingStage:
    return HangingStage(
        name=name,
        rows=1,
        columns=2,
        linked=True,
        viewports=[
            HangingViewport(study="current", role=role),
            HangingViewport(study="prior", role=role),
        ],
    )


def _brain(name: str, *roles: SeriesRole) -> HangingProtocol:
    """By what its sequences are, whatever their descriptions and the part of the body say."""
    return HangingProtocol(
        name=name,
        modalities=["MR"],
        rows=2,
        columns=2,
        linked=True,
        viewports=_by_role(*roles),
        stages=[
            HangingStage(
                name="Diffusion", rows=1, columns=2, linked=True, viewports=_by_role("DWI", "ADC")
            ),
            _role_beside_prior("FLAIR, prior beside", "FLAIR"),
            _role_beside_prior("T1 with contrast agent, prior beside", "T1_CONTRAST"),
        ],
    )


def _pet_ct(name: str, ct: HangingViewport, pet: HangingViewport) -> HangingProtocol:
    return HangingProtocol(
        name=name,
        modalities=["PT"],
        rows=1,
        columns=2,
        linked=True,
        viewports=[ct, pet],
        stages=[
            HangingStage(name="Fused", rows=1, columns=2, fused=True, viewports=[ct, pet]),
            HangingStage(
                name="PET, prior beside",
                rows=1,
                columns=2,
                linked=True,
                viewports=[pet, pet.model_copy(update={"study": "prior"})],
            ),
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
                _beside_tomosynthesis("CC"),
                _beside_tomosynthesis("MLO"),
                _mammograms(
                    "Implants displaced",
                    ("current", "CC"),
                    ("current", "MLO"),
                    kinds=("implant_displaced", "implant_displaced"),
                ),
                _special_views(),
            ],
        ),
        _brain("Brain MR by sequence, with contrast agent", "T1", "T1_CONTRAST", "FLAIR", "T2"),
        _brain("Brain MR by sequence", "T1", "FLAIR", "T2", "DWI"),
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
        HangingProtocol(
            name="Scintigraphy, anterior and posterior",
            modalities=["NM"],
            rows=1,
            columns=2,
            viewports=[
                HangingViewport(modalities=["NM"], views=["ANT"]),
                HangingViewport(modalities=["NM"], views=["POST"]),
            ],
        ),
        _pet_ct("PET/CT", *_by_role("CT_OF_PET", "PET_CORRECTED")),
        _pet_ct(
            "PET/CT by modality",
            HangingViewport(modalities=["CT"]),
            HangingViewport(modalities=["PT"]),
        ),
        _beside_prior("CT beside its prior", "CT", []),
        _beside_prior("MR beside its prior", "MR", []),
        *_radiographs("Radiographs", "DX"),
        *_radiographs("Computed radiographs", "CR"),
        _beside_prior("PET beside its prior", "PT", []),
    ]
)

"""Lesions and matches as they are stored, made by hand."""

from datetime import UTC, datetime

from storage.core.findings import Code
from storage.lesions.entities import AxesMethod, Lesion, LesionMatch, Relation

NOW = datetime(2026, 11, 27, tzinfo=UTC)
LESION = Code("52988006", "SCT", "Lesion")
NODE = Code("59441001", "SCT", "Structure of lymph node")
EDEMA = Code("79654002", "SCT", "Edema")


def lesion(
    lesion_id: str,
    long_mm: float,
    short_mm: float = 5.0,
    kind: Code = LESION,
    *,
    cut: bool = False,
    is_measurable: bool | None = None,
    axes_method: AxesMethod = "half-pixel",
) -> Lesion:
    return Lesion(
        lesion_id, "job", "1.2", "1.3", "nodules", 1, lesion_id, kind, f"2.25.{lesion_id}",
        long_mm, short_mm, 100.0, cut, is_measurable, b"", NOW, axes_method,
    )  # fmt: skip


def match(
    relation: Relation,
    earlier: str = "",
    later: str = "",
    *,
    is_main: bool = True,
    by: str = "",
    study: str = "1.2",
) -> LesionMatch:
    job = "" if by else "job"
    return LesionMatch(
        f"{relation} {earlier} {later} {by}", study, job, job, relation, earlier, later, is_main,
        1.0, "", "", by, by, NOW,
    )  # fmt: skip

"""Levels of the spine that a person names on images, with their codes (SNOMED CT)."""

from storage.core.findings import Code

# Codes of pydicom's dictionary. Supernumerary vertebrae have none there, and are named in text.
_CODES = {
    **dict(zip((f"C{n}" for n in range(1, 8)), (
        "14806007", "39976000", "113205007", "5329002", "36978003", "36054005", "87391001",
    ), strict=True)),
    **dict(zip((f"T{n}" for n in range(1, 13)), (
        "64864005", "53733008", "1626008", "73071006", "56401006", "45296009", "62487009",
        "11068009", "82687006", "7610001", "12989004", "23215003",
    ), strict=True)),
    **dict(zip((f"L{n}" for n in range(1, 6)), (
        "66794005", "14293000", "36470004", "11994002", "49668003",
    ), strict=True)),
}  # fmt: skip
_SACRUM = Code("54735007", "SCT", "Sacrum")

LEVELS: tuple[str, ...] = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 14)),
    *(f"L{n}" for n in range(1, 7)),
    *(f"S{n}" for n in range(1, 6)),
)


def site_of(level: str) -> Code | None:
    """The bone of a level; of sacral ones the sacrum, None of supernumerary ones."""
    if level.startswith("S"):
        return _SACRUM
    code = _CODES.get(level)
    return Code(code, "SCT", f"{level} vertebra") if code else None

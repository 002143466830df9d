"""Modalities and views that a card names, held against those that images have.

A model that waits for a modality "USS" is never offered an image, and nothing tells why.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache

from inference.models.cards.installed_cards import is_installed
from inference.rules.conditions import Test
from inference.series_classification.views import SPELLINGS, VIEWS

_RETIRED = frozenset("AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST VF".split())
"""Terms of earlier editions (PS3.3 C.7.3.1.1.1), which archives still hold."""
# Two letters and one too many, as in USS, are as near as that; two other letters are not.
_AS_ALIKE = 0.8


@cache
def _modalities() -> frozenset[str]:
    """Of acquisitions and of others (PS3.16 CID 33)."""
    # Here, since few processes ask, and it takes 18 MB of each.
    from pydicom.sr.codedict import codes

    context = codes.cid33
    return frozenset(getattr(context, name).value for name in context.dir())


def check_modality(modality: str) -> None:
    """Raises ValueError for one that is nearly a term of the standard.

    Its terms may be extended: one that is near to none of them stays.
    """
    if is_installed() or modality in _modalities() | _RETIRED:
        return
    near = get_close_matches(modality, sorted(_modalities()), 1, _AS_ALIKE)
    if near:
        raise ValueError(f"DICOM has no modality '{modality}' (did you mean '{near[0]}'?)")


def check_view(view: str) -> None:
    """Raises ValueError for one that the node gives no image."""
    name = view.strip().upper()
    if is_installed() or name in VIEWS:
        return
    alike = get_close_matches(name[:64], sorted(VIEWS), 1)
    near = SPELLINGS.get(name) or next(iter(alike), "")
    asked = f" (did you mean '{near}'?)" if near else ""
    known = ", ".join(sorted(VIEWS))
    raise ValueError(f"the node knows no view '{view[:64]}'{asked}; it knows {known}")


def check_terms(name: str, tests: Iterable[Test]) -> None:
    """Raises ValueError where a test of Modality or view waits for a value that never comes."""
    check = {"Modality": check_modality, "view": check_view}.get(name)
    if check is None:
        return
    for test in tests:
        for value in test.equals or ():
            check(str(value).strip().upper())

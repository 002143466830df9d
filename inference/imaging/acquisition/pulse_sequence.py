"""The pulse sequence of an MR, in the words of Scanning Sequence (PS3.3 C.8.3.1)."""

from pydicom.dataset import Dataset

from inference.imaging.headers import items_of_frames, texts

_ECHOES = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}


def scanning_sequence(header: Dataset) -> tuple[str, ...]:
    """As a classic image states it; of an enhanced one by its pulse sequence (C.8.13.4) and the
    inversion of its frames (C.8.13.5.5). Empty where nothing states it."""
    stated = tuple(one.strip().upper() for one in texts(header.get("ScanningSequence")))
    if stated:
        return stated
    echoes = _ECHOES.get(_word(header, "EchoPulseSequence"), ())
    if not echoes:
        return ()
    modifiers = (header, *items_of_frames(header, "MRModifierSequence"))
    inverts = any(_word(one, "InversionRecovery") == "YES" for one in modifiers)
    is_planar = _word(header, "EchoPlanarPulseSequence") == "YES"
    return (*echoes, *(("IR",) if inverts else ()), *(("EP",) if is_planar else ()))


def _word(holder: Dataset, keyword: str) -> str:
    return str(holder.get(keyword) or "").strip().upper()

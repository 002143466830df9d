"""Names of events: which a hub knows, and which a subscription asks for.

Names are case-insensitive (FHIRcast 3.0.0, 2.3).
"""

from collections.abc import Collection, Iterable

from storage.core.errors import InvalidRequest

ANCHORS = ("Patient", "ImagingStudy", "DiagnosticReport")
"""What may be open, the widest first: a study is of a patient, a report of a study."""
KEYS = {"Patient": "patient", "ImagingStudy": "study", "DiagnosticReport": "report"}
"""The key of the anchor's resource in the context of an event."""
SYNC_ERROR = "SyncError"
HEARTBEAT = "Heartbeat"
SUPPORTED = (
    *(f"{anchor}-{change}" for anchor in ANCHORS for change in ("open", "close")),
    "DiagnosticReport-update",
    "DiagnosticReport-select",
    SYNC_ERROR,
    HEARTBEAT,
)
_BY_FOLDED = {name.lower(): name for name in SUPPORTED}
_MOST = 32


def canonical(name: str) -> str:
    """As the standard writes it. Raises InvalidRequest for an event that no one gets here."""
    found = _BY_FOLDED.get(name.strip().lower())
    if found is None:
        raise InvalidRequest(
            f"'{name.strip()[:60]}' is not an event of this hub.",
            remedy=f"It takes {', '.join(SUPPORTED)}.",
        )
    return found


def subscribed(text: str) -> list[str]:
    """The names of a list with commas; `*` stands for any part. Raises InvalidRequest."""
    asked = [one.strip() for one in text.split(",") if one.strip()]
    if not asked or len(asked) > _MOST:
        raise InvalidRequest(
            f"hub.events names {len(asked)} events.", remedy=f"Name 1 to {_MOST} of them."
        )
    found: dict[str, None] = {}
    for one in asked:
        names = [name for name in SUPPORTED if _fits(one.lower(), name.lower())]
        if not names:
            canonical(one)
        found |= dict.fromkeys(names)
    return list(found)


def with_anchor(names: Collection[str], anchors: Iterable[str]) -> str:
    """The first of the anchors whose opening is among the names, "" for none."""
    return next((anchor for anchor in anchors if f"{anchor}-open" in names), "")


def _fits(asked: str, name: str) -> bool:
    if asked in ("*", name):
        return True
    wanted, sign, change = asked.partition("-")
    anchor, known_sign, known_change = name.partition("-")
    if not sign or not known_sign:
        return False
    return wanted in ("*", anchor) and change in ("*", known_change)

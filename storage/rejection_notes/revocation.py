"""Rejection notes that another one rejects, and that are therefore not in force.

IHE (RAD TF-3 4.66.4) has hidden instances come back in no other way for patient safety and for a
wrong worklist entry, and knows no note that revokes another. A note for quality reasons is an
instance like others: where it is rejected as a mistake, so is what it says.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

QUALITY = "113001"
EXPIRED = "113039"
"""Of a note whose time is over what it says stays true."""


def revoked_notes(codes: Mapping[str, str], rejected: Mapping[str, Collection[str]]) -> set[str]:
    """Which notes of a study are not in force.

    `codes`: by note its title's code (DCM, CID 7011); `rejected`: by note the other notes that it
    names. Notes that reject each other in a circle are all in force: hiding is the safe side.
    """
    revokers: defaultdict[str, set[str]] = defaultdict(set)
    names: defaultdict[str, set[str]] = defaultdict(set)
    for note, others in rejected.items():
        for other in others:
            if other != note and codes.get(other) == QUALITY and codes.get(note) != EXPIRED:
                revokers[other].add(note)
                names[note].add(other)
    open_revokers = {note: len(revokers[note]) for note in codes}
    in_force = [note for note, count in open_revokers.items() if not count]
    revoked: set[str] = set()
    while in_force:
        for other in names[in_force.pop()] - revoked:
            revoked.add(other)
            for third in names[other]:
                open_revokers[third] -= 1
                if not open_revokers[third]:
                    in_force.append(third)
    return revoked

"""Which lesions merged or split since the study before, by the matches that count."""

from collections.abc import Collection, Mapping, Sequence

from inference.findings.merged_lesions import MergedLesions
from inference.lesions.history import History
from storage.lesions.entities import LesionMatch


def joined_of(
    matches: Sequence[LesionMatch], uids: Mapping[str, str], later: Collection[str]
) -> dict[str, MergedLesions]:
    """By tracking UID of the lesions `later` (ids) that merged or split; the others are left out.

    `matches` are those that count; `uids` are by lesion, of both studies.
    """
    groups: list[tuple[set[str], set[str]]] = []
    for one in matches:
        if not one.earlier_lesion_id or one.later_lesion_id not in later:
            continue
        before, now = {one.earlier_lesion_id}, {one.later_lesion_id}
        for group in [each for each in groups if each[0] & before or each[1] & now]:
            groups.remove(group)
            before |= group[0]
            now |= group[1]
        groups.append((before, now))
    found = {}
    for before, now in groups:
        if len(before) + len(now) > 2 and before | now <= uids.keys():
            earlier_uids, later_uids = (
                tuple(sorted({uids[lesion] for lesion in one})) for one in (before, now)
            )
            joined = MergedLesions(earlier_uids, later_uids)
            found.update(dict.fromkeys(joined.later_uids, joined))
    return found


def joined_in(history: History, study_instance_uid: str) -> dict[str, MergedLesions]:
    """Of a study, beside the one before it."""
    later = {
        one.lesion_id for one in history.lesions if one.study_instance_uid == study_instance_uid
    }
    return joined_of(history.matches, history.uids, later)

"""Which lesions of a patient are one, by what was computed and what people state."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from storage.core.uids import derive_uid
from storage.lesions.entities import Lesion, LesionMatch


def counting(matches: Sequence[LesionMatch]) -> list[LesionMatch]:
    """What counts of each lesion: what a person stated last before what was computed.

    A person who names an earlier lesion takes it, and what it was in the studies between, from
    what the comparison made of it. What is left without a partner by that is gone, or new.
    """
    stated = {one.later_lesion_id: one for one in matches if one.decided_by}
    computed = [one for one in matches if not one.decided_by]
    is_claimed = _claims(computed, stated)
    counted: list[LesionMatch] = []
    dropped: list[LesionMatch] = []
    for one in computed:
        if is_claimed(one):
            dropped.append(one)
        elif one.later_lesion_id not in stated:
            counted.append(one)
        elif one.relation == "merged" and stated[one.later_lesion_id].earlier_lesion_id:
            counted.append(replace(one, is_main=False))
        else:
            dropped.append(one)
    counted += stated.values()
    for one in dropped:
        here = [other for other in counted if other.study_instance_uid == one.study_instance_uid]
        if not is_claimed(one) and one.earlier_lesion_id not in {
            "", *(other.earlier_lesion_id for other in here)
        }:  # fmt: skip
            counted.append(replace(one, relation="gone", later_lesion_id="", is_main=True))
        if one.later_lesion_id not in {"", *(other.later_lesion_id for other in here)}:
            counted.append(replace(one, relation="new", earlier_lesion_id="", is_main=True))
    return [replace(one, relation="gone") if _is_settled(one, counted) else one for one in counted]


def _is_settled(match: LesionMatch, counted: Sequence[LesionMatch]) -> bool:
    """Whether people have stated of all that an uncertain earlier lesion may be what they are."""
    return (
        match.relation == "uncertain"
        and not match.later_lesion_id
        and not any(
            one.relation == "uncertain" and one.later_lesion_id
            for one in counted
            if one.later_job_id == match.later_job_id
        )
    )


def _claims(
    computed: Sequence[LesionMatch], stated: Mapping[str, LesionMatch]
) -> Callable[[LesionMatch], bool]:
    """Whether a person has stated of the earlier lesion of a match which lesion it is there.

    A lesion that is an older one is claimed with it.
    """
    claimed: dict[str, set[str]] = defaultdict(set)
    for one in stated.values():
        claimed[one.study_instance_uid].add(one.earlier_lesion_id)
    before = {
        one.later_lesion_id: one.earlier_lesion_id
        for one in (*computed, *stated.values())
        if one.is_main and one.later_lesion_id
    }

    def is_claimed(match: LesionMatch) -> bool:
        lesion_id, passed = match.earlier_lesion_id, set[str]()
        while lesion_id and lesion_id not in passed:
            if lesion_id in claimed[match.study_instance_uid]:
                return True
            passed.add(lesion_id)
            lesion_id = before.get(lesion_id, "")
        return False

    return is_claimed


def effective_uids(lesions: Sequence[Lesion], matches: Sequence[LesionMatch]) -> Mapping[str, str]:
    """The tracking UID of each lesion, by its id, after all that people have stated.

    `matches` are those that count (`counting`). Objects that were written before a correction
    keep the UID that they had.
    """
    before = {
        one.later_lesion_id: one
        for one in matches
        if one.later_lesion_id and one.earlier_lesion_id and one.is_main
    }
    known = {one.lesion_id: one for one in lesions}
    heirs = {one.lesion_id for one in lesions if one.lesion_id in before}

    def uid(lesion_id: str, passed: frozenset[str] = frozenset()) -> str:
        match = before.get(lesion_id)
        if match is not None and match.earlier_lesion_id in known and lesion_id not in passed:
            return uid(match.earlier_lesion_id, passed | {lesion_id})
        own = known[lesion_id].tracking_uid
        # Somebody has taken it apart from the lesion whose UID its objects carry.
        taken = any(other.tracking_uid == own for other in lesions if other.lesion_id not in heirs
                    and other.created_at < known[lesion_id].created_at)  # fmt: skip
        return derive_uid("lesion", lesion_id) if taken else own

    return {one.lesion_id: uid(one.lesion_id) for one in lesions}

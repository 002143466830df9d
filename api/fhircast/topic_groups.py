"""Which programs may take part in a person's topic, where access groups are enforced."""

from sqlalchemy import Engine

from storage.access_groups.visibility import visibility_of
from storage.core.callers.visibility import EVERYONE, Caller, Visibility
from storage.fhircast.entities import Topic


def shares_a_group(engine: Engine, topic: Topic, visibility: Visibility | None) -> bool:
    """Whether who may see that much and the topic's owner belong to one group.

    The group of everyone counts where both belong to no other. Who sees everything may.
    """
    if visibility is None:
        return True
    of_owner = visibility_of(engine, owner_of(topic))
    return of_owner is None or bool(_groups(visibility) & _groups(of_owner))


def owner_of(topic: Topic) -> Caller:
    """With the groups that an identity provider named last."""
    kind, _, unique_subject = topic.owner_id.partition(":")
    # No issuer contains a space: it is a URL.
    issuer = unique_subject.partition(" ")[0] if kind == "oidc" else ""
    return Caller(kind, unique_subject, issuer, topic.claimed_groups)


def _groups(visibility: Visibility) -> set[int]:
    return set(visibility.group_ids) - {EVERYONE} or {EVERYONE}

"""Names under which people of an identity provider are shown, each of one person alone.

Identities are compared by issuer and subject; this is for those who read a name in the audit
trail, in a report or beside a finding. A provider may let people choose it, and two may have the
same one.
"""

import hashlib
from collections.abc import Iterable
from urllib.parse import urlsplit

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.text.lookalikes import mixes_scripts, skeleton
from storage.db.engine import insert_or_ignore, reading, writing

# What the node and those at its command line are called.
_OF_THE_NODE = frozenset(
    map(skeleton, ("local", "node", "operator", "anonymous", "unknown", "MediViewAI"))
)


class ShownNames:
    """The first who had a name keeps it, also after another name was chosen.

    Accounts, keys and the node itself come before everybody of a provider.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, identity: Identity) -> str:
        """The name, with the provider's host and the subject where others look alike."""
        if identity.kind != "oidc":
            return identity.name
        names = _names(identity)
        keys = {name: _key(name) for name in names}
        owner = t.shown_name.c
        with reading(self._engine) as connection:
            taken = _OF_THE_NODE.union(
                *(
                    map(skeleton, connection.scalars(select(column)))
                    for column in (t.account.c.name, t.api_key.c.name)
                )
            )
            owned = select(owner.name_digest, owner.identity_id).where(
                owner.name_digest.in_(keys.values())
            )
            owners = {row.name_digest: row.identity_id for row in connection.execute(owned)}
        for name in names:
            if skeleton(name) in taken:
                continue
            if owners.get(keys[name], identity.id) == identity.id and (
                keys[name] in owners or self._claim(keys[name], identity.id)
            ):
                return name
        # Somebody chose another one's subject as a name.
        return f"{identity.name} ({_digest([identity.id])})"

    def _claim(self, name_digest: str, identity_id: str) -> bool:
        """Whether the name is this one's now."""
        row = {"name_digest": name_digest, "identity_id": identity_id, "since": utcnow()}
        with writing(self._engine) as connection:
            if insert_or_ignore(connection, t.shown_name, row):
                return True
            owner = t.shown_name.c
            has_it = select(owner.identity_id).where(owner.name_digest == name_digest)
            return connection.scalar(has_it) == identity_id


def _names(identity: Identity) -> list[str]:
    """From the plain one to the one with everything that tells people apart."""
    host = urlsplit(identity.issuer).hostname or identity.issuer
    with_host = f"{identity.name} ({host})"
    with_subject = f"{identity.name} ({host}, {_readable(identity.subject)})"
    # One that ends as ours do would be read as somebody else's, and a blank one as nobody's.
    plain = skeleton(identity.name)
    if not plain or skeleton(f"({host}") in plain or mixes_scripts(identity.name):
        return [with_subject]
    return [identity.name, with_host, with_subject]


def _readable(subject: str) -> str:
    is_plain = subject.isascii() and subject.isprintable() and len(subject) <= 64
    return subject if is_plain and not set("(),") & set(subject) else _digest([subject])


def _key(name: str) -> str:
    return hashlib.sha256(skeleton(name).encode()).hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]

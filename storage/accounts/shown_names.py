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
from storage.core.callers.identity import OF_THE_NODE, Identity
from storage.core.clock import utcnow
from storage.core.text.lookalikes import mixes_scripts, skeleton
from storage.core.text.person_words import may_be_one_person, person_words
from storage.db.engine import insert_or_ignore, reading, writing

_PARTING = str.maketrans("\\=^", "   ")


class ShownNames:
    """The first who had a name keeps it, also after another name was chosen.

    Accounts, under their own and their persons' names, keys and the node itself come before
    everybody of a provider.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, identity: Identity) -> str:
        """The name, with the provider's host and the subject where others look alike."""
        if identity.kind != "oidc":
            return identity.name
        names = _names(identity)
        # With the subject a name needs no comparison of its words.
        keys = {name: _keys(name)[: 1 if name == names[-1] else 2] for name in names}
        owner = t.shown_name.c
        with reading(self._engine) as connection:
            taken = OF_THE_NODE.union(
                *(
                    map(skeleton, connection.scalars(select(column)))
                    for column in (t.account.c.name, t.api_key.c.name)
                )
            )
            persons = connection.scalars(
                select(t.account.c.person_name).where(t.account.c.person_name != "")
            ).all()
            owned = select(owner.name_digest, owner.identity_id).where(
                owner.name_digest.in_([key for of_name in keys.values() for key in of_name])
            )
            owners = {row.name_digest: row.identity_id for row in connection.execute(owned)}
        if len(names) > 1 and may_be_of(names[0], persons):
            names = names[1:]
        for name in names:
            if skeleton(name) in taken:
                continue
            if all(
                owners.get(key, identity.id) == identity.id
                and (key in owners or self._claim(key, identity.id))
                for key in keys[name]
            ):
                return name
        # Somebody chose another one's subject as a name.
        return f"{_in_one_part(identity.name)} ({_digest([identity.id])})"

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
    stated = _in_one_part(identity.name)
    with_host = f"{stated} ({host})"
    with_subject = f"{stated} ({host}, {_readable(identity.subject)})"
    # One that ends as ours do, `Dr. Jane Doe (jdoe)` of an account among them, would be read as
    # somebody else's, one of several components as an account's person, a blank one as nobody's.
    plain = skeleton(identity.name)
    if not plain or "(" in plain or stated != identity.name or mixes_scripts(identity.name):
        return [with_subject]
    return [identity.name, with_host, with_subject]


def _in_one_part(name: str) -> str:
    """Without the signs that part a person's name (PS3.5 6.2.1.1)."""
    return " ".join(name.translate(_PARTING).split()) if set(name) & set("\\=^") else name


def may_be_of(name: str, persons: Iterable[str]) -> bool:
    """Whether it may be read as one of the names in PN: as a whole, or as family and given name."""
    words = person_words(name)
    return any(
        may_be_one_person(words, person_words(part))
        for one in persons
        for part in (one, "^".join(one.split("^")[:2]))
    )


def _readable(subject: str) -> str:
    is_plain = subject.isascii() and subject.isprintable() and len(subject) <= 64
    return subject if is_plain and not set("(),") & set(subject) else _digest([subject])


def _keys(name: str) -> list[str]:
    """Of the name as it stands, and of its words in whatever order, without titles."""
    words = " ".join(sorted(person_words(name)))
    return [hashlib.sha256(one.encode()).hexdigest() for one in (skeleton(name), words)]


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]

"""Who somebody is: a kind, the issuer that vouches for it, and the subject there.

A name is for people to read. Two that share one are two: an account, the key of a program and
somebody whom an identity provider signed in are never the same. OpenID Connect Core 1.0, 5.7:
only issuer and subject together are unique and stay.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from storage.core.text.lookalikes import skeleton

IdentityKind = Literal["local", "account", "key", "oidc"]


@dataclass(frozen=True)
class Identity:
    """`subject`: the account's name, the key's id, or the `sub` of a token of `issuer`."""

    kind: IdentityKind
    subject: str
    name: str = field(compare=False)
    """As people read it; compares nothing."""
    issuer: str = ""
    """The provider's URL; empty for whom this node knows by itself."""

    @property
    def id(self) -> str:
        """One text for all three, as tables keep it. No issuer contains a space: it is a URL."""
        return f"{self.kind}:{self.unique_subject}"

    @property
    def unique_subject(self) -> str:
        """Unique among those of its kind."""
        return f"{self.issuer} {self.subject}" if self.issuer else self.subject


LOCAL = Identity("local", "local", "local")
"""Everybody at this machine, where the node runs without sign-in."""


OF_THE_NODE = frozenset(
    map(skeleton, ("local", "node", "operator", "anonymous", "unknown", "MediViewAI"))
)
"""What the node, those at its command line and those who have not signed in are called."""


def of_account(name: str) -> Identity:
    return Identity("account", name, _told_apart(name, "account"))


def of_key(key_id: str, name: str) -> Identity:
    return Identity("key", key_id, _told_apart(name, "key"))


@lru_cache(maxsize=4096)
def _told_apart(name: str, kind: IdentityKind) -> str:
    """What such a name is read as in reports, in the audit trail and beside decisions.

    An account or a key may be called `local`: alone that stands for somebody who did not sign in.
    Names of accounts, keys and people of providers have no such end (`ShownNames`).
    """
    return f"{name} ({kind})" if skeleton(name) in OF_THE_NODE else name

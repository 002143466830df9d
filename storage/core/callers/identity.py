"""Who somebody is: a kind, the issuer that vouches for it, and the subject there.

A name is for people to read. Two that share one are two: an account, the key of a program and
somebody whom an identity provider signed in are never the same. OpenID Connect Core 1.0, 5.7:
only issuer and subject together are unique and stay.
"""

from dataclasses import dataclass
from typing import Literal

IdentityKind = Literal["local", "account", "key", "oidc"]


@dataclass(frozen=True)
class Identity:
    """`subject`: the account's name, the key's id, or the `sub` of a token of `issuer`."""

    kind: IdentityKind
    subject: str
    name: str
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


def of_account(name: str) -> Identity:
    return Identity("account", name, name)

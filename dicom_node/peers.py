"""Other application entities: who they are and what goes wrong with them."""

from dataclasses import dataclass

from storage.errors import MediViewError
from storage.settings import Destination


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM application entity that can be called."""

    ae_title: str
    host: str
    port: int

    @classmethod
    def of(cls, destination: Destination) -> "Peer":
        return cls(destination.ae_title, destination.host, destination.port)

    @classmethod
    def parse(cls, text: str) -> "Peer":
        """Read `AE@host:port`; raises InvalidRequest saying how it is written."""
        return cls.of(Destination.parse(text))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


class PeerFailed(MediViewError):
    """A peer cannot be reached, refuses the association, or breaks it off."""

    code = "peer_failed"


class PeerLacksService(PeerFailed):
    """A peer answers, but does not offer what it is asked for; asking again will not help."""

    code = "peer_lacks_service"


class PeerDidNotAnswer(PeerFailed):
    """A peer takes the association, but breaks off or stays silent when it is asked."""

    code = "peer_did_not_answer"

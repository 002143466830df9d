"""What every kind of destination can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from storage.commitment.entities import CommitmentRequest
from storage.container.has import (
    HasCommitmentRequests,
    HasDeliveries,
    HasEngine,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasPeers,
    HasReports,
    HasSettings,
)
from storage.core.entities import Instance


class OpensInstances(Protocol):
    def open(self, instance: Instance) -> BinaryIO:
        """Its part 10 file."""


class SentInstances(HasSettings, Protocol):
    """Settings, and the part 10 files that are sent, wherever they are."""

    @property
    def instances(self) -> OpensInstances: ...


class InstanceStorage(HasSettings, HasInstances, Protocol):
    """What of the storage layer most destinations need: the instances that they send."""


class DestinationStorage(
    HasSettings,
    HasEngine,
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasReports,
    HasDeliveries,
    HasPeers,
    HasCommitmentRequests,
    Protocol,
):
    """What of the storage layer some kind of destination needs: who opens one hands over all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instance: `error` is empty where the destination took it.

    `reached` is False where the destination never answered about it. `is_final`: it would refuse
    the same again, until a person has it tried. `again_after_s`: it wants to be left alone so long.
    `is_refused`: it answered that it does not take this very instance.
    """

    sop_instance_uid: str
    error: str = ""
    reached: bool = True
    is_final: bool = False
    again_after_s: float | None = None
    is_refused: bool = False

    @property
    def ok(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True)
class TestResult:
    """Whether a destination works, in one sentence for the person who asked."""

    __test__ = False  # no test of pytest's

    ok: bool
    sentence: str


class Destination(Protocol):
    """One destination, opened for one batch. `str()` names it in sentences.

    `query` names the service by which it tells what it holds.
    """

    query: str

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        """Bring instances of one study there; an outcome each, in their order."""

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        """Ask it to commit to what it took; None where it has not reported in time.

        Raises PeerLacksService where it has no such service, PeerFailed where it
        cannot be asked just now.
        """

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        """SOP Instance UIDs of those that it holds by its own word; all are of one series.

        Raises PeerLacksService where it offers no way to ask, PeerDidNotAnswer where
        it is there and stays silent, PeerFailed where it cannot be asked just now.
        """

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        """Give back the part 10 file of an instance that it has, piece by piece.

        Raises PeerLacksService where it gives nothing back, PeerFailed where it does not now.
        """

    def test(self) -> TestResult:
        """Try whether it can be reached and takes us, without leaving anything there."""

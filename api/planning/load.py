"""What a hospital sends in a day: studies by modality, and what is to happen with them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from storage.core.errors import InvalidRequest

MOST_STUDIES = 1_000_000


@dataclass(frozen=True)
class Modality:
    """A usual study of it. Assumed, not measured: sites differ by far more than a factor of two."""

    instances: int
    bytes_per_instance: int


MODALITIES: Mapping[str, Modality] = {
    "CT": Modality(600, 526_000),
    "MR": Modality(500, 300_000),
    "DX": Modality(2, 12_000_000),
    "CR": Modality(2, 10_000_000),
    "US": Modality(40, 1_500_000),
    "MG": Modality(4, 27_000_000),
    "PT": Modality(900, 150_000),
    "XA": Modality(15, 30_000_000),
    "NM": Modality(10, 500_000),
    "OT": Modality(5, 2_000_000),
}
USUAL_MIX = "CT=25,MR=15,DX=35,US=18,MG=4,XA=1,NM=1,OT=1"


@dataclass(frozen=True)
class Load:
    """A working day."""

    studies_per_day: int
    mix: Mapping[str, float]
    """Percent of the studies by modality, 100 together."""
    pipelines: Mapping[str, float]
    """Percent of the studies on which each runs."""
    peak_hour_percent: float
    """How much of the day's studies comes in its busiest hour."""
    read_percent: float
    """How many studies somebody opens in the viewer, all their instances."""
    sent_percent: float
    """How many studies go on to other systems as they came."""

    def __post_init__(self) -> None:
        """Raises InvalidRequest, which names what cannot be."""
        if not 1 <= self.studies_per_day <= MOST_STUDIES:
            raise InvalidRequest(
                f"{self.studies_per_day} studies a day cannot be planned for.",
                remedy=f"Name a number from 1 to {MOST_STUDIES:,}.",
            )
        total = sum(self.mix.values())
        if abs(total - 100) > 0.5:
            raise InvalidRequest(
                f"The shares of the mix are {total:g} percent together.",
                remedy="Let them be 100.",
            )
        for what, percent, least in (
            ("the busiest hour's share", self.peak_hour_percent, 100 / 24),
            ("the share of studies that are read", self.read_percent, 0.0),
            ("the share of studies that are sent on", self.sent_percent, 0.0),
        ):
            if not least <= percent <= 100:
                raise InvalidRequest(
                    f"{percent:g} percent cannot be {what}.",
                    remedy=f"Name one from {least:.3g} to 100.",
                )

    @property
    def instances_per_day(self) -> float:
        return sum(self._studies(name) * MODALITIES[name].instances for name in self.mix)

    @property
    def bytes_per_day(self) -> float:
        return sum(
            self._studies(name) * MODALITIES[name].instances * MODALITIES[name].bytes_per_instance
            for name in self.mix
        )

    @property
    def peak(self) -> float:
        """How much of a day's work one second of the busiest hour brings."""
        return self.peak_hour_percent / 100 / 3600

    def instances_by_size(self) -> list[tuple[float, int]]:
        """Instances a day, with the bytes of each."""
        return [
            (self._studies(name) * MODALITIES[name].instances, MODALITIES[name].bytes_per_instance)
            for name in self.mix
        ]

    def _studies(self, modality: str) -> float:
        return self.studies_per_day * self.mix[modality] / 100


def parse_shares(text: str, known: Collection[str], what: str) -> dict[str, float]:
    """`CT=40,MR=60` as percents. Raises InvalidRequest, which names the wrong part."""
    shares: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise InvalidRequest(
                f"{name!r} is no {what} that can be planned with.",
                remedy=f"Known are {', '.join(known)}.",
            )
        if name in shares:
            raise InvalidRequest(f"{name} is named twice.", remedy="Name each once.")
        try:
            percent = float(value)
        except ValueError:
            percent = -1.0
        # Neither is nan, which compares with nothing.
        if not equals or not 0 <= percent <= 100:
            raise InvalidRequest(
                f"{part!r} is no share of a {what}.",
                remedy=f"Write {name}=25, in percent from 0 to 100.",
            )
        shares[name] = percent
    return shares

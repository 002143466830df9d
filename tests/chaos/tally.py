"""What happened in a run: rounds, faults, and what was checked."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Of one run over one kind of database."""

    database: str
    seed: int
    rounds: int = 0
    seconds: float = 0.0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    checked: int = 0
    repaired: int = 0
    deleted: int = 0
    peers: int = 0
    tracebacks: int = 0
    broken: list[str] = field(default_factory=list)

"""Archives that let a round wait in vain: they delay themselves, and no other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# Each of its other studies would wait as long; one that fails at once delays nobody.
_SLOW_S = 5.0


@dataclass
class Attempt:
    succeeded: bool = False


@dataclass
class SlowSources:
    """Those of one round that failed slowly; what else waits for them waits for the next."""

    names: set[str] = field(default_factory=set)

    @contextmanager
    def timed(self, source: str) -> Iterator[Attempt]:
        attempt, begun = Attempt(), time.monotonic()
        yield attempt
        if not attempt.succeeded and time.monotonic() - begun > _SLOW_S:
            self.names.add(source)

"""The longest time without an acknowledgement, of each host: of one that something was done to, and
of one that nothing was done to."""

from collections import defaultdict
from statistics import median


class Gaps:
    def __init__(self, hosts: list[str]) -> None:
        self._hosts = hosts
        self._measured: dict[tuple[str, bool], list[tuple[float, str]]] = defaultdict(list)

    def note(self, host: str, seconds: float, names: str, *, is_broken: bool) -> None:
        """Of one wave; `names`: of its faults."""
        self._measured[host, is_broken].append((seconds, names))

    def table(self) -> str:
        lines = [
            "| host | waves of faults | longest time without an acknowledgement, median (longest)"
            " | in |",
            "|---|---|---|---|",
        ]
        for is_broken, what in ((False, "nothing done to it"), (True, "something done to it")):
            for host in self._hosts:
                if found := self._measured[host, is_broken]:
                    longest, names = max(found)
                    middle = median(seconds for seconds, _ in found)
                    lines.append(
                        f"| {host}, {what} | {len(found)} | {middle:.1f} s ({longest:.1f} s)"
                        f" | {names} |"
                    )
        return "\n".join(lines)

"""The tables of docs/faults.md, from a run that was made."""

from collections.abc import Sequence
from pathlib import Path

from tests.chaos.tally import Tally

_BEGIN = "<!-- tables: written by `make chaos` -->"
_END = "<!-- end of tables -->"


def write_report(path: Path, tallies: Sequence[Tally]) -> None:
    """Put the tables between their marks."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    path.write_text(f"{before}{_BEGIN}\n{tables(tallies)}{_END}{after}", encoding="utf-8")


def tables(tallies: Sequence[Tally]) -> str:
    rows = (
        ("seed", lambda one: one.seed),
        ("time", lambda one: f"{one.seconds / 60:.0f} min"),
        ("rounds", lambda one: one.rounds),
        ("faults injected", lambda one: sum(one.faults.values())),
        ("processes killed by -9", lambda one: one.kills),
        ("instances acknowledged", lambda one: f"{one.acknowledged:,}"),
        ("looks at an instance, byte for byte", lambda one: f"{one.checked:,}"),
        ("deletions acknowledged", lambda one: one.deleted),
        ("damaged by the controller, repaired when sent again", lambda one: one.repaired),
        ("stack traces in the logs", lambda one: one.tracebacks),
        ("**promises broken**", lambda one: f"**{len(one.broken)}**"),
    )
    lines = [
        f"| | {' | '.join(one.database for one in tallies)} |",
        "|---|" + "---|" * len(tallies),
    ]
    lines += [f"| {name} | {' | '.join(str(of(one)) for one in tallies)} |" for name, of in rows]
    lines += ["", f"| fault | {' | '.join(one.database for one in tallies)} | named by `/health` |"]
    lines.append("|---|" + "---|" * (len(tallies) + 1))
    for name in sorted({name for one in tallies for name in one.faults}):
        counts = " | ".join(str(one.faults[name]) for one in tallies)
        named = sum(one.named[name] for one in tallies)
        unnamed = sum(one.unnamed[name] for one in tallies)
        share = f"{named} of {named + unnamed}" if named + unnamed else ""
        lines.append(f"| {name} | {counts} | {share} |")
    for one in tallies:
        if one.broken:
            lines += ["", f"Broken on {one.database}:", ""]
            lines += [f"- {sentence}" for sentence in one.broken[:50]]
    return "\n".join(lines) + "\n"

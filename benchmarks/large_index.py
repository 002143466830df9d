"""Does a node with millions of instances answer as one with few: the studies of ten years.

    python -m benchmarks.large_index --folder FOLDER --fill [--instances 20000000]
    python -m benchmarks.large_index --folder FOLDER --fill --database sqlite --instances 1000000

`--fill` makes both indexes below the folder, without the bytes of the instances, and goes on where
it was interrupted; without it what is there is measured. The node beside has 25,000 instances, so
that each question finds as much; both are `mediview up`, with PostgreSQL over one server, asked in
turns. Receiving is measured at the end, for it adds to both. The statements are PostgreSQL's of all
processes since the start, with the blocks that each reads, which do not depend on the machine's
load. Where the large node takes more than 1.5 times as long the line ends with a mark.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.receive import CASES, measure
from benchmarks.support.archive.fill import fill_archive
from benchmarks.support.archive.nodes import ArchiveNode, archive_node
from benchmarks.support.archive.plan import planned_studies
from benchmarks.support.archive.questions import Keys, dimse_questions, web_questions
from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.kept_postgres import database, kept_postgres
from benchmarks.support.sender import Load
from benchmarks.support.slow_statements import forget, larger, shortened
from storage.settings import Settings
from tests.services import free_port

SMALL = 25_000
WITHIN = 1.5
_LOADING = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
    "shared_buffers": "512MB",
}
_MEASURING = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
    "shared_buffers": "2GB",
    "max_wal_size": "4GB",
    "max_connections": "300",
}
Rounds = dict[str, dict[str, list[float]]]


def main() -> None:
    options = _options()
    sizes = {"small": SMALL, "large": options.instances}
    if options.fill:
        with _databases(options, _LOADING, sizes) as urls:
            for name, instances in sizes.items():
                within_s = 60 * options.fill_minutes
                settings = _settings(options.folder, name, urls[name])
                fill_archive(settings, instances, _note, within_s=within_s)
    if options.rounds == 0:
        return
    around = Surroundings()
    rounds: Rounds = {}
    with _databases(options, _MEASURING, sizes) as urls:
        for url in filter(None, urls.values()):
            forget(url)
        with _nodes(options.folder, urls) as nodes:
            for name, node in nodes.items():
                _add(rounds, "start, s", name, node.start_s)
            time.sleep(options.after_start)
            _ask(nodes, sizes, options.rounds, options.only, rounds)
            if not options.only:
                for name, node in nodes.items():
                    _add(rounds, "`mediview doctor`, s", name, node.command_s("doctor"))
                _receive(nodes, options.receive_rounds, rounds)
                time.sleep(options.settle)
            print(_table(rounds, around))
            if urls["large"]:
                _print_statements(urls)
    if options.json:
        write_figures(options.json, around, rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="1 kB for each instance")
    parser.add_argument("--instances", type=int, default=20_000_000)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--fill", action="store_true", help="make the indexes first")
    parser.add_argument(
        "--fill-minutes", type=float, default=math.inf, help="then no more instances are written"
    )
    parser.add_argument("--rounds", type=int, default=30, help="0: fill alone")
    parser.add_argument("--receive-rounds", type=int, default=3)
    parser.add_argument(
        "--after-start", type=float, default=0.0, help="seconds before the first question"
    )
    parser.add_argument("--settle", type=float, default=60.0, help="seconds after receiving")
    parser.add_argument("--only", default="", help="questions whose name has this in it")
    parser.add_argument("--port", type=int, default=0, help="of PostgreSQL; 0: any")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    options = parser.parse_args()
    options.port = options.port or free_port()
    return options


def _settings(folder: Path, name: str, url: str) -> Settings:
    data_dir = folder / (name if url else f"sqlite-{name}")
    data_dir.mkdir(parents=True, exist_ok=True)
    return Settings(
        data_dir=data_dir, database_url=url, dicom_port=free_port(), http_port=free_port()
    )


@contextmanager
def _databases(
    options: argparse.Namespace, settings: dict[str, str], names: Iterable[str]
) -> Iterator[dict[str, str]]:
    """The URL of each; empty with SQLite."""
    if options.database == "sqlite":
        yield dict.fromkeys(names, "")
        return
    with kept_postgres(options.folder / "postgres", options.port, settings) as server:
        yield {name: database(server, name) for name in names}


@contextmanager
def _nodes(folder: Path, urls: dict[str, str]) -> Iterator[dict[str, ArchiveNode]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(archive_node(_settings(folder, name, url)))
            for name, url in urls.items()
        }


def _ask(
    nodes: dict[str, ArchiveNode], sizes: dict[str, int], times: int, only: str, rounds: Rounds
) -> None:
    """Each question in turns, after one that is not counted."""
    asks = {}
    for name, node in nodes.items():
        keys = Keys(list(planned_studies(sizes[name])))
        made = (*web_questions(node.settings, keys), *dimse_questions(node.settings, keys))
        asks[name] = {question: ask for question, ask in made if only in question}
    for question in asks["large"]:
        found = dict.fromkeys(asks, 0)
        for turn in range(times + 1):
            for name, by_question in asks.items():
                began_s = time.perf_counter()
                found[name] += by_question[question]()
                if turn:
                    _add(rounds, question, name, 1000 * (time.perf_counter() - began_s))
        per_turn = ", ".join(f"{count / (times + 1):.0f}" for count in found.values())
        _note(f"{question}: {per_turn} found")


def _receive(nodes: dict[str, ArchiveNode], times: int, rounds: Rounds) -> None:
    cases = {name: CASES[name] for name in ("ct4", "each4")}
    for node in nodes.values():
        measure(node.server, Load(64, 1, 20))
    for _ in range(times):
        for case in cases.values():
            for name, node in nodes.items():
                measured = case.run(node.server, case.load)
                # By instance, so that more is worse in every line.
                milliseconds = 1000 / measured.instances_per_s
                _add(rounds, f"an instance received, {case.name}", name, milliseconds)


def _add(rounds: Rounds, what: str, name: str, value: float) -> None:
    rounds.setdefault(what, {}).setdefault(name, []).append(value)


def _print_statements(urls: dict[str, str]) -> None:
    print("\n| statement | calls | blocks | ms |\n|---|---|---|---|")
    for one in larger(urls["small"], urls["large"], ratio=WITHIN, least_blocks=100)[:25]:
        blocks = f"{one.small_blocks:,.0f} → {one.large_blocks:,.0f}"
        times = f"{one.small_ms:.1f} → {one.large_ms:.1f}"
        print(f"| {shortened(one.text)} | {one.calls} | {blocks} | {times} |")


def _table(rounds: Rounds, around: Surroundings) -> str:
    lines = [
        f"load {around.load_before:.0f} to {os.getloadavg()[0]:.0f}, {around.at}\n",
        "| ms, or as it says | small: median (p90) | large: median (p90) | ratio |",
        "|---|---|---|---|",
    ]
    for what, by_name in rounds.items():
        small, large = by_name["small"], by_name["large"]
        ratio = statistics.median(large) / statistics.median(small)
        mark = " !" if ratio > WITHIN else ""
        lines.append(f"| {what} | {_figures(small)} | {_figures(large)} | {ratio:.2f}{mark} |")
    return "\n".join(lines)


def _figures(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{statistics.median(values):.1f} ({ordered[int(0.9 * (len(ordered) - 1))]:.1f})"


def _note(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main()

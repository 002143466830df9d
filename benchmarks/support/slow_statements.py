"""Which of a node's statements read more of a large index, by pg_stat_statements."""

from typing import NamedTuple

import psycopg

_TEXT = 160


class Statement(NamedTuple):
    """Of both nodes: means; 0 where the node with the small index asked for nothing of the kind."""

    text: str
    calls: int
    """Of the node with the large index."""
    small_ms: float
    large_ms: float
    small_blocks: float
    """Of 8 KiB, from memory or disk: unlike the time this does not depend on the machine's load."""
    large_blocks: float


def forget(url: str) -> None:
    """Count from now on."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")


def larger(small_url: str, large_url: str, *, ratio: float, least_blocks: int) -> list[Statement]:
    """Those that read `ratio` times as much and at least so many blocks; what reads most first."""
    small = {text: rest for text, *rest in _means(small_url)}
    found = []
    for text, calls, mean_ms, blocks in _means(large_url):
        _calls, small_ms, small_blocks = small.get(text, (0, 0.0, 0.0))
        if blocks >= least_blocks and blocks > ratio * small_blocks:
            found.append(Statement(text, calls, small_ms, mean_ms, small_blocks, blocks))
    return sorted(found, key=lambda one: one.calls * one.large_blocks, reverse=True)


def _means(url: str) -> list[tuple[str, int, float, float]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT regexp_replace(query, '\\s+', ' ', 'g'), sum(calls)::bigint,"
            " sum(total_exec_time) / sum(calls),"
            " (sum(shared_blks_hit + shared_blks_read) / sum(calls))::float"
            " FROM pg_stat_statements"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " GROUP BY 1"
        ).fetchall()
    return [(str(text), int(calls), float(ms), float(blocks)) for text, calls, ms, blocks in rows]


def shortened(text: str) -> str:
    """Its columns left out, which are many."""
    head, mark, rest = text.partition(" FROM ")
    return (head[:40] + " …" + mark + rest if mark and len(head) > _TEXT // 2 else text)[:_TEXT]

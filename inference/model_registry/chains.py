"""Pipelines that take results of others: in which order they are asked, and which cannot run."""

from collections.abc import Sequence

from inference.pipeline import NamedInput, Pipeline, ResultWanted

CHAIN_AT_MOST = 4
"""So many pipelines one after the other, the first of which is given images alone."""


def takes_results(pipeline: Pipeline) -> bool:
    """Whether it takes what another pipeline found."""
    return bool(_wanted(pipeline))


def place_in_chain(pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> int:
    """How many pipelines come before it at most: it is asked after those whose results it takes."""
    return len(_longest(pipeline.name, _upstream(pipeline, pipelines))) if _wanted(pipeline) else 0


def chain_fault(pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> str:
    """Why a pipeline cannot run among these because of what it takes; empty where it can."""
    if not takes_results(pipeline):
        return ""
    chain = _longest(pipeline.name, _upstream(pipeline, pipelines))
    if len(set(chain)) < len(chain):
        return f"It waits for itself: {_words(chain)}. Change result_of in one of these cards."
    if len(chain) > CHAIN_AT_MOST:
        return (
            f"It is one of {len(chain)} pipelines or more that take results of one another, and"
            f" {CHAIN_AT_MOST} are the most: {_words(chain)}."
        )
    return ""


def _wanted(pipeline: Pipeline) -> list[ResultWanted]:
    inputs: tuple[NamedInput, ...] = getattr(pipeline, "inputs", ())
    return [one.result_of for one in inputs if one.result_of is not None]


def _upstream(pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> dict[str, set[str]]:
    """By name the pipelines whose results each takes, with this version of the one at hand. Those
    that are named by what they find alone were given images alone: one without a name."""
    others = [one for one in pipelines if one.name != pipeline.name]
    return {one.name: {it.pipeline for it in _wanted(one)} for one in [*others, pipeline]}


def _longest(
    name: str, upstream: dict[str, set[str]], before: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The longest chain that ends in the pipeline, itself first; it breaks off where a name comes
    again, which is then its last, and one beyond what is allowed."""
    chain = (*before, name)
    if name in before or len(chain) > CHAIN_AT_MOST:
        return chain
    longer = [_longest(one, upstream, chain) for one in sorted(upstream.get(name, ()))]
    circles = [one for one in longer if len(set(one)) < len(one)]
    return max(circles or longer, key=len, default=chain)


def _words(chain: Sequence[str]) -> str:
    return " takes a result of ".join(one or "any" for one in chain)

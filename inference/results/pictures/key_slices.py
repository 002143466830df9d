"""Which slices show a result best: the same ones in pictures, key images and outlines."""

from inference.pipeline import PipelineOutput

MOST_KEY_SLICES = 6


def key_slices(output: PipelineOutput) -> list[int]:
    """Indices k, in the order of the volume: where segments are largest, by most of them first."""
    votes: dict[int, int] = {}
    for index in range(len(output.segments)):
        areas = output.mask(index).sum(axis=(1, 2))
        if areas.any():
            best = int(areas.argmax())
            votes[best] = votes.get(best, 0) + 1
    chosen = sorted(votes, key=lambda k: (-votes[k], k))[:MOST_KEY_SLICES]
    return sorted(chosen)

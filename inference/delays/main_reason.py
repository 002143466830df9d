"""Which of many refusals says most about a study: that of the series a pipeline was nearest to.

A chest CT with a gap is refused for the gap by `lung-density`, and as no MR by all that take MR;
a larger series beside it may be of a kind that nothing takes. People want to know of the gap.
"""

import re
from collections.abc import Mapping

from inference.rules.judge import ON_REQUEST
from storage.core.entities import Decision, Series

# What pipelines say of series that they are not made for at all, and of those of their modality
# that are of another sort. Everything else is about the images: a gap, missing attributes, a
# model that is not there, a rule of the site.
_OTHER_MODALITY = re.compile(
    r"^(Modality is |Only an uploaded |Neither metadata nor card )"
    r"|^The series holds .+, not \w+ images"
)
_OTHER_SORT = re.compile(
    r"only .+ (is|are) taken|: the series is a |which names another |Nothing says that "
    r"| ms at most\.|^The card wants |^The series has \d+ slices;|^PhotometricInterpretation is "
)
# Of the largest series: what has fewer instances is a localizer or a test, whatever it lacks.
_LEAST_SHARE = 0.1


def telling(decision: Decision, by_series: Mapping[str, Series]) -> tuple[int, int]:
    """Greater for a refusal that says more; `by_series` has the series of images by UID."""
    series = by_series.get(decision.series_instance_uid)
    count = 0 if series is None else series.instance_count
    largest = max((one.instance_count for one in by_series.values()), default=0)
    nearness = _nearness(decision.reason)
    return (min(nearness, 1) if count < _LEAST_SHARE * largest else nearness), count


def _nearness(reason: str) -> int:
    """2: of the kind that is taken. 1: of its modality. 0: of another one."""
    if _OTHER_MODALITY.search(reason):
        return 0
    return 1 if reason == ON_REQUEST or _OTHER_SORT.search(reason) else 2

"""The sums of lesions and what follows from them, in a report's words."""

from typing import Literal

from inference.lesions.response.assessment import Response
from inference.reports.locale import Locale

SumName = Literal["recist", "lugano"]


def sum_text(name: SumName, response: Response, locale: Locale) -> str:
    """The sum, how it has changed, and the category with its reasons, in one sentence or two."""
    words = locale.words["lesions"]
    verdict = {"category": _verdict(response, locale)}
    if response.sum is None:
        return locale.fill(words[f"{name}_incomplete"], verdict)
    change = response.change_from_baseline_percent
    total = locale.number(response.sum, 1)
    verdict["diameters"] = words["diameters"]["with_nodes" if response.has_nodes else "longest"]
    if change is None:
        is_other_whole = {"holds_others", "target_again"} & {*response.reasons}
        other = "uncompared" if is_other_whole else "other_method"
        return locale.fill(words[f"{name}_{other}"], {"sum": total, **verdict})
    return locale.fill(
        words[name],
        {
            "sum": total,
            "baseline": locale.number(response.baseline, 1),
            "nadir": locale.number(response.nadir, 1),
            "change": f"{'+' if change > 0 else ''}{_percent(change, locale)}",
            **verdict,
        },
    )


def _verdict(response: Response, locale: Locale) -> str:
    """The category with its reasons, of those that the words do not follow from the sums."""
    known = locale.words["lesions"]["reasons"]
    change = response.change_from_nadir_percent
    values = {
        "count": str(response.new_lesions),
        "percent": "" if change is None else _percent(change, locale),
        "mm": locale.number((response.sum or 0.0) - response.nadir, 1),
    }
    stated = [one if change is not None else f"{one}_at_least" for one in response.reasons]
    named = [
        locale.fill(known.get(by, known.get(one, "")), values)
        for one, by in zip(response.reasons, stated, strict=True)
        if one in known
    ]
    return f"{response.category} ({'; '.join(named)})" if named else response.category


def _percent(change: float, locale: Locale) -> str:
    """As precise as the sums: one decimal."""
    return locale.fill(locale.words["percent"], {"number": locale.number(change, 1)})

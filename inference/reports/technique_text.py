"""The Technique section: what the headers state of each series that was measured."""

from collections.abc import Iterator, Sequence

from inference.reports.locale import Locale, references
from inference.reports.technique import SeriesTechnique
from storage.reports.entities import ReportSentence

_MEASURES = (
    ("slice_thickness", "slice_thickness_mm", "mm"),
    ("slice_distance", "slice_distance_mm", "mm"),
    ("repetition_time", "repetition_time_ms", "ms"),
    ("echo_time", "echo_time_ms", "ms"),
    ("inversion_time", "inversion_time_ms", "ms"),
    ("flip_angle", "flip_angle_deg", "deg"),
    ("field_strength", "field_strength_t", "T"),
    ("kvp", "kvp", "kV"),
)


def technique_sentences(
    series: Sequence[SeriesTechnique], locale: Locale
) -> Iterator[ReportSentence]:
    """One sentence a series, and what is known of contrast agent."""
    words = locale.words["technique"]
    for one in series:
        yield _of_headers(_opening(one, locale), (one.series_instance_uid,))
    uids = tuple(one.series_instance_uid for one in series)
    with_agent = [one for one in series if one.contrast_agent is not None]
    if with_agent:
        yield _of_headers(_contrast(with_agent, locale), uids)
    elif any(one.modality in ("CT", "MR") for one in series) and all(
        one.is_contrast_known for one in series
    ):
        yield _of_headers(words["no_contrast"], uids)


def _contrast(series: Sequence[SeriesTechnique], locale: Locale) -> str:
    """`series`: in which a contrast agent is recorded, in some images at least."""
    words = locale.words["technique"]
    named = sorted({one.contrast_agent for one in series if one.contrast_agent})
    agent = locale.words["list"]["comma"].join(named)
    without = sum(one.images_without_contrast for one in series)
    images = sum(one.images for one in series)
    is_counted = all(one.is_contrast_known for one in series)
    of_some = words["contrast_in_some"] if without and is_counted else words
    counts = {"agent": agent, "count": str(images - without), "images": str(images)}
    return locale.fill(of_some["contrast" if named else "contrast_without_name"], counts)


def _of_headers(text: str, series_instance_uids: tuple[str, ...]) -> ReportSentence:
    return ReportSentence(text, series_instance_uids=series_instance_uids, basis="headers")


def _opening(one: SeriesTechnique, locale: Locale) -> str:
    words = locale.words["technique"]
    parts = locale.words["list"]["comma"].join(_parts(one, locale))
    values = {"modality": locale.modality(one.modality), "parts": parts}
    region = locale.words["regions"].get(region_of(one.body_part, one.pipelines))
    if region:
        return locale.fill(words["opening"], values | {"region": region})
    return locale.fill(words["opening_without_region"], values)


def _parts(one: SeriesTechnique, locale: Locale) -> Iterator[str]:
    words = locale.words["technique"]
    if one.shown_number:
        yield locale.fill(words["series"], {"number": one.shown_number})
    if one.weighting == "FLAIR":
        yield str(words["flair"])
    elif one.weighting:
        yield locale.fill(words["weighting"], {"weighting": one.weighting})
    if one.acquisition:
        yield locale.fill(words["acquisition"], {"acquisition": one.acquisition})
    if one.sequence:
        yield str(words["sequences"][one.sequence])
    many = "one" if one.images == 1 else "many"
    if one.is_one_of_several_stacks:
        many = "of_several_stacks"
    yield locale.fill(words["images"][many], {"count": str(one.images)})
    for word, attribute, unit in _MEASURES:
        value = getattr(one, attribute)
        if word == "slice_distance" and value == one.slice_thickness_mm:
            continue
        if value is not None:
            yield locale.fill(words[word], {"value": locale.measure(value, unit)})
    if one.kernel:
        yield locale.fill(words["kernel"], {"kernel": one.kernel})


def region_of(body_part: str, pipelines: Sequence[str]) -> str:
    """As the headers name it, else as the pipelines do that took the series for theirs."""
    if body_part:
        return body_part
    known = references()["pipelines"]
    return next((str(known[one]["region"]) for one in pipelines if one in known), "")

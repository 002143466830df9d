"""The disk and what retention can do for it, in sentences for health, doctor and people."""

from dataclasses import dataclass
from datetime import datetime

from inference.retention.outlook_sentences import OutlookCode, sentence
from inference.retention.sentences import blocked_words
from storage.retention.disk import DiskForecast, DiskMarks, DiskSamples
from storage.retention.repository import StudyRetention
from storage.retention.round import QuotaUse, RetentionRound
from storage.settings import Settings
from storage.volumes.writer import VolumeWriter

_GIB = 1 << 30


@dataclass(frozen=True)
class DiskOutlook:
    free_bytes: int
    disk_bytes: int
    marks: DiskMarks
    forecast: DiskForecast | None
    """None where too little is known of the last days."""
    evictable_bytes: int
    """Of studies that rules let go early, whatever still keeps them."""
    last_round: RetentionRound
    """What `Round.as_json` noted; empty before the first."""

    @property
    def is_low(self) -> bool:
        return self.free_bytes < self.marks.warn_bytes

    @property
    def is_stuck(self) -> bool:
        """Studies should have left, and could not."""
        return self.free_bytes < self.marks.evict_bytes and bool(
            self.last_round.get("missing_bytes")
        )

    def warning(self) -> str:
        """Empty while there is room."""
        if not self.is_low:
            return ""
        share = _share(self.free_bytes, self.disk_bytes or 1)
        low = sentence("disk_space_low", free=_size(self.free_bytes), share=share)
        return f"{low} {self._trend()} {self._remedy()}"

    def stuck(self) -> str:
        """What could not be freed, and what it waits for; empty where all is well."""
        problem = self.last_round.get("problem")
        if problem:
            return f"{sentence('retention_waits')} {problem}"
        if not self.is_stuck:
            return ""
        blocked = blocked_words(self.last_round.get("blocked", ()))
        missing = _size(self.last_round["missing_bytes"])
        stuck = sentence("retention_stuck", missing=missing)
        return f"{stuck} {blocked or sentence('no_more_early')}"

    def quotas(self) -> str:
        """Rules whose studies take nearly all of a quota, or more; empty: none."""
        return " ".join(filter(None, map(_quota_words, self.last_round.get("quotas", ()))))

    def _trend(self) -> str:
        if self.forecast is None:
            return sentence("fill_rate_unknown")
        if self.forecast.full_at is None:
            return sentence("disk_not_filling")
        filled = _size(int(self.forecast.filled_bytes_per_day))
        return sentence("disk_full_on", filled=filled, day=f"{self.forecast.full_at:%Y-%m-%d}")

    def _remedy(self) -> str:
        if not self.evictable_bytes:
            return sentence("no_early_rule")
        begins, freed = _size(self.marks.evict_bytes), _size(self.evictable_bytes)
        return sentence("retention_frees", begins=begins, freed=freed)


def disk_outlook(
    settings: Settings,
    volumes: VolumeWriter,
    retention: StudyRetention,
    disk_samples: DiskSamples,
    now: datetime,
) -> DiskOutlook:
    """Raises StorageUnavailable."""
    size = volumes.disk_bytes()
    marks = DiskMarks.of(settings, size)
    free = volumes.free_bytes()
    return DiskOutlook(
        free,
        size,
        marks,
        disk_samples.forecast(now, free, marks.refuse_bytes),
        retention.evictable_bytes(),
        retention.last_round(),
    )


def _quota_words(use: QuotaUse) -> str:
    """Empty while there is room."""
    taken, quota = use["size_bytes"], use["quota_bytes"]
    studies, most = use["studies"], use["quota_studies"]
    bytes_near = bool(quota) and taken * 100 >= quota * use["warn_percent"]
    studies_near = bool(most) and studies * 100 >= most * use["warn_percent"]
    if not bytes_near and not studies_near:
        return ""
    parameters: dict[str, object] = {"rule": use["rule"]}
    code: OutlookCode = "quota_of_both" if bytes_near and studies_near else "quota_of_bytes"
    if bytes_near:
        parameters |= {"taken": _size(taken), "quota": _size(quota), "share": _share(taken, quota)}
    if studies_near:
        code = code if bytes_near else "quota_of_studies"
        parameters |= {"studies": studies, "most": most, "studies_share": _share(studies, most)}
    near = sentence(code, **parameters)
    stay = blocked_words(use["blocked"])
    return f"{near} {stay}".rstrip()


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}"


def _size(size_bytes: int) -> str:
    if size_bytes >= _GIB:
        return f"{size_bytes / _GIB:.1f} GiB"
    return f"{size_bytes / (1 << 20):.0f} MiB"

"""The disk and what retention can do for it, in sentences for health, doctor and people."""

from dataclasses import dataclass
from datetime import datetime

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
        share = self.free_bytes / self.disk_bytes if self.disk_bytes else 0
        return " ".join(
            (
                f"{_size(self.free_bytes)} ({share:.0%}) are free on the disk of the data folder.",
                self._trend(),
                self._remedy(),
            )
        )

    def stuck(self) -> str:
        """What could not be freed, and what it waits for; empty where all is well."""
        problem = self.last_round.get("problem")
        if problem:
            return f"Retention waits: {problem}"
        if not self.is_stuck:
            return ""
        blocked = blocked_words(self.last_round.get("blocked", ()))
        missing = self.last_round["missing_bytes"]
        return (
            f"The disk is short, and retention could not free {_size(missing)} of what is needed."
            f" {blocked or 'No rule lets further studies leave early (evict).'}"
        )

    def quotas(self) -> str:
        """Rules whose studies take nearly all of a quota, or more; empty: none."""
        return " ".join(filter(None, map(_quota_words, self.last_round.get("quotas", ()))))

    def _trend(self) -> str:
        if self.forecast is None:
            return "How fast it fills is not known yet."
        if self.forecast.full_at is None:
            return "It has not been filling over the last days."
        per_day = _size(int(self.forecast.filled_bytes_per_day))
        return (
            f"At the rate of the last days ({per_day} a day) nothing more is received from"
            f" {self.forecast.full_at:%Y-%m-%d} on."
        )

    def _remedy(self) -> str:
        if not self.evictable_bytes:
            return "No rule lets studies leave early: docs/retention.md."
        begins = _size(self.marks.evict_bytes)
        return f"Below {begins}, retention frees up to {_size(self.evictable_bytes)}."


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
    near = []
    if quota and taken * 100 >= quota * use["warn_percent"]:
        near.append(f"{_size(taken)} of {_size(quota)} ({taken / quota:.0%})")
    if most and studies * 100 >= most * use["warn_percent"]:
        near.append(f"{studies} of {most} studies ({studies / most:.0%})")
    if not near:
        return ""
    stay = blocked_words(use["blocked"])
    sentence = f"The rule '{use['rule']}' has taken {' and '.join(near)} of its quota."
    return f"{sentence} {stay}".rstrip()


def _size(size_bytes: int) -> str:
    if size_bytes >= _GIB:
        return f"{size_bytes / _GIB:.1f} GiB"
    return f"{size_bytes / (1 << 20):.0f} MiB"

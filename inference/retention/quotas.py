"""Quotas: what the studies of one rule, as those of a source or a modality, may take together.

Beyond it the longest unused of them leave early, whatever room the disk has. What keeps a study
keeps it here as well, and nothing is refused.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from inference.retention.assessment import Assessment, Retention
from inference.retention.round_result import Blocked, Round, block, blocked_json
from inference.rules.retention_rule import RetentionRule
from storage.retention.repository import RuleDecision, StudyRetention

_AT_ONCE = 100


@dataclass
class _Excess:
    """Beyond the quota; negative: below."""

    studies: int
    size_bytes: int

    @property
    def is_there(self) -> bool:
        return self.studies > 0 or self.size_bytes > 0

    def without(self, size_bytes: int) -> None:
        self.studies -= 1
        self.size_bytes -= size_bytes


def keep_quotas(
    stored: StudyRetention,
    retention: Retention,
    done: Round,
    settled: Callable[[Sequence[str]], Iterator[Assessment]],
    remove: Callable[[Assessment], bool],
    ends: Callable[[], bool],
) -> None:
    """Let studies leave of each rule that is beyond its quota, and note what each takes then.

    `settled` assesses studies as on a short disk; `remove` says whether one has left.
    """
    for position, rule in enumerate(retention.rules):
        if not rule.has_quota:
            continue
        blocked: Blocked = {}
        if rule.evict and not ends():
            studies, size_bytes = stored.usage(retention.digest, position)
            excess = _excess(rule, studies, size_bytes)
            _evict(stored, retention.digest, position, excess, settled, remove, blocked, ends)
        studies, size_bytes = stored.usage(retention.digest, position)
        done.quotas.append(
            {
                "rule": rule.name,
                "studies": studies,
                "size_bytes": size_bytes,
                "quota_studies": rule.quota_studies or 0,
                "quota_bytes": rule.quota_bytes or 0,
                "warn_percent": rule.quota_warn_percent,
                "blocked": blocked_json(blocked),
            }
        )


def _excess(rule: RetentionRule, studies: int, size_bytes: int) -> _Excess:
    return _Excess(
        0 if rule.quota_studies is None else studies - rule.quota_studies,
        0 if rule.quota_bytes is None else size_bytes - rule.quota_bytes,
    )


def _evict(
    stored: StudyRetention,
    digest: str,
    position: int,
    excess: _Excess,
    settled: Callable[[Sequence[str]], Iterator[Assessment]],
    remove: Callable[[Assessment], bool],
    blocked: Blocked,
    ends: Callable[[], bool],
) -> None:
    last: RuleDecision | None = None
    while excess.is_there:
        found = stored.evictable(digest, _AT_ONCE, last, position)
        for assessment in settled([one.study_instance_uid for one in found]):
            if remove(assessment):
                excess.without(assessment.study.size_bytes)
            elif assessment.reasons:
                block(blocked, assessment)
            if not excess.is_there or ends():
                return
        if len(found) < _AT_ONCE:
            return
        last = found[-1]

"""What the rules say of a study now: which rule counts, when it leaves, and why it stays."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from inference.retention.confirmation import (
    ConfirmationStorage,
    ask_peer,
    is_fresh,
    why_unconfirmed,
)
from inference.retention.sentences import Reason, counts, reason_of
from inference.retention.study_facts import HeadersUnreadable, StudyFacts
from inference.rules.judge import judge
from inference.rules.retention_rule import RetentionRule
from storage.container.has import HasObligations, HasStudyUses, HasWorklist
from storage.retention.obligations import Obligation
from storage.retention.repository import UNREADABLE, Confirmation, RuleDecision
from storage.retention.study_attributes import StudyAttributes

# Until it was offered to every pipeline.
_LEAST_AGE = timedelta(hours=1)
_UNREADABLE_AGAIN = timedelta(hours=1)
_MIB = 1 << 20


@dataclass(frozen=True)
class Assessment:
    study: StudyAttributes
    rule: RetentionRule | None
    position: int
    leaves_at: datetime | None
    """When its time is over; none: never by time."""
    reasons: tuple[Reason, ...]
    """Why it stays now; none: it leaves."""

    @property
    def leaves(self) -> bool:
        return not self.reasons

    def when_short(self, now: datetime) -> "Assessment":
        """The same where the disk is short: time alone keeps no study that may leave early."""
        is_old_enough = now - self.study.last_instance_at >= _LEAST_AGE
        if self.rule is None or not self.rule.evict or not is_old_enough:
            return self
        return replace(self, reasons=tuple(one for one in self.reasons if one.kind != "time"))

    def waits_for_peers_alone(self) -> bool:
        return bool(self.reasons) and all(one.kind == "confirmation" for one in self.reasons)


class RetentionStorage(ConfirmationStorage, HasObligations, HasStudyUses, HasWorklist, Protocol):
    """What of the storage layer the rules of retention are asked with."""


class Retention:
    """The rules of a moment, asked of studies."""

    def __init__(
        self, storage: RetentionStorage, rules: Sequence[RetentionRule], now: datetime
    ) -> None:
        self._storage = storage
        self._now = now
        self.rules = tuple(rules)
        text = repr([rule.model_dump() for rule in self.rules])
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        # A peer that does not answer is not waited for again with these rules.
        self._out_of_reach: dict[str, str] = {}
        # Before the trail was read, nobody knows that a study was not used.
        self._knows_uses = all(one.since == "received" for one in self.rules) or (
            storage.study_uses.is_up_to_date()
        )

    def decide(self, study_instance_uids: Sequence[str]) -> list[RuleDecision]:
        """Which rule counts for each study, whatever keeps it now."""
        studies = self._storage.study_attributes.read(study_instance_uids)
        return [self._decide(study) for study in studies]

    def _decide(self, study: StudyAttributes) -> RuleDecision:
        digest, look_again_at = self.digest, self._now
        try:
            position, rule = self._rule(study)
        except HeadersUnreadable:
            position, rule = len(self.rules), None
            digest, look_again_at = UNREADABLE, self._now + _UNREADABLE_AGAIN
        return RuleDecision(
            study.study_instance_uid,
            digest,
            study.updated_at,
            "" if rule is None else rule.name,
            position,
            rule is not None and rule.evict,
            study.size_bytes,
            _leaves_at(rule, study),
            study.last_needed_at,
            look_again_at,
        )

    def assess(self, study_instance_uids: Sequence[str]) -> list[Assessment]:
        """All that keeps each study, by what is known without asking anybody else."""
        obligations = self._storage.obligations.of_studies(study_instance_uids)
        confirmations = {
            (one.study_instance_uid, one.peer): one
            for one in self._storage.retention.confirmations(study_instance_uids)
        }
        return [
            self._assess(study, obligations[study.study_instance_uid], confirmations)
            for study in self._storage.study_attributes.read(study_instance_uids)
        ]

    def ask_peers(self, assessment: Assessment) -> Assessment:
        """The same after the peers were asked that have not answered lately."""
        if assessment.rule is None:
            return assessment
        uid = assessment.study.study_instance_uid
        known = {one.peer: one for one in self._storage.retention.confirmations([uid])}
        others = tuple(one for one in assessment.reasons if one.kind != "confirmation")
        waiting = []
        for peer in assessment.rule.confirmed_at:
            why = self._unconfirmed(assessment.study, peer, known.get(peer), ask=True)
            if why:
                waiting.append(Reason("confirmation", why, peer))
        return replace(assessment, reasons=(*others, *waiting))

    def counts(self, assessment: Assessment) -> Callable[[Obligation], bool]:
        """Which obligations keep the study of an assessment."""
        rule = assessment.rule
        return lambda obligation: rule is None or counts(obligation, rule)

    def _assess(
        self,
        study: StudyAttributes,
        obligations: Sequence[Obligation],
        confirmations: dict[tuple[str, str], Confirmation],
    ) -> Assessment:
        try:
            position, rule = self._rule(study)
        except HeadersUnreadable as error:
            unreadable = Reason("unreadable", error.message)
            return Assessment(study, None, len(self.rules), None, (unreadable,))
        if rule is None:
            # A legal hold is named in any case.
            on_hold = [reason_of(one) for one in obligations if one.kind == "legal_hold"]
            reasons = (*on_hold, Reason("no_rule", "No rule holds for it."))
            return Assessment(study, None, position, None, reasons)
        leaves_at = _leaves_at(rule, study)
        found = [reason_of(one) for one in obligations if counts(one, rule)]
        if leaves_at is None:
            found.append(Reason("time", f"The rule '{rule.name}' names no time."))
        elif leaves_at > self._now:
            found.append(Reason("time", f"Its time ends on {leaves_at:%Y-%m-%d}."))
        elif rule.since == "used" and not self._knows_uses:
            found.append(Reason("uses", "The audit trail is still being read for its last use."))
        for peer in rule.confirmed_at:
            known = confirmations.get((study.study_instance_uid, peer))
            why = self._unconfirmed(study, peer, known, ask=False)
            if why:
                found.append(Reason("confirmation", why, peer))
        return Assessment(study, rule, position, leaves_at, tuple(found))

    def _rule(self, study: StudyAttributes) -> tuple[int, RetentionRule | None]:
        """The first that holds, and its place. Raises HeadersUnreadable."""
        facts = StudyFacts(
            self._storage.instances,
            self._storage.study_attributes,
            self._storage.worklist,
            study,
        )
        for position, rule in enumerate(self.rules):
            if study.size_bytes < (rule.size_mib_at_least or 0) * _MIB:
                continue
            if rule.when is None or judge(rule.when, facts).holds:
                return position, rule
        return len(self.rules), None

    def _unconfirmed(
        self, study: StudyAttributes, peer: str, known: Confirmation | None, *, ask: bool
    ) -> str:
        why = why_unconfirmed(
            self._storage.study_attributes, self._storage.peers, study, peer, known, self._now
        )
        if not why or not ask:
            return why
        has_grown = known is None or known.study_updated_at != study.updated_at
        if known is not None and not has_grown and is_fresh(known, self._now):
            return why
        if peer in self._out_of_reach:
            return self._out_of_reach[peer]
        answer = ask_peer(self._storage, study, peer, self._now)
        if not answer.reached:
            self._out_of_reach[peer] = answer.why
        return answer.why


def _leaves_at(rule: RetentionRule | None, study: StudyAttributes) -> datetime | None:
    if rule is None or rule.keep_days is None:
        return None
    since = study.last_instance_at if rule.since == "received" else study.last_needed_at
    return since + timedelta(days=rule.keep_days)

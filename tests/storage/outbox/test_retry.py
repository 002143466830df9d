"""When a failed attempt is repeated: the same rule for everything that is tried again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.outbox.retry_policies import JITTER, Kind, RetryPolicy, retry_policy
from storage.settings import Settings

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

policies = st.builds(
    RetryPolicy,
    base_s=st.floats(0.001, 3600),
    ceiling_s=st.floats(0.001, 86_400),
    attempts=st.none() | st.integers(1, 50),
    give_up_s=st.none() | st.floats(1, 1e6),
    jitter=st.floats(0, 0.9),
)


@given(policies, st.integers(1, 100_000))
def test_a_wait_is_positive_and_never_beyond_the_ceiling(policy: RetryPolicy, failed: int) -> None:
    assert 0 < policy.wait_s(failed) <= policy.ceiling_s


@given(policies, st.integers(1, 60))
def test_without_chance_the_wait_doubles_until_the_ceiling(
    policy: RetryPolicy, failed: int
) -> None:
    exact = RetryPolicy(policy.base_s, policy.ceiling_s, jitter=0)
    assert exact.wait_s(1) == min(policy.base_s, policy.ceiling_s)
    if failed <= 30:
        assert exact.wait_s(failed + 1) == min(2 * exact.wait_s(failed), policy.ceiling_s)
    assert exact.wait_s(failed + 1) >= exact.wait_s(failed)


@given(policies, st.integers(1, 60))
def test_chance_takes_off_no_more_than_its_share(policy: RetryPolicy, failed: int) -> None:
    longest_s = RetryPolicy(policy.base_s, policy.ceiling_s, jitter=0).wait_s(failed)
    assert (1 - policy.jitter) * longest_s <= policy.wait_s(failed) * (1 + 1e-12)


@given(policies)
def test_there_are_exactly_as_many_attempts_as_the_policy_says(policy: RetryPolicy) -> None:
    made = 1
    while made < 60 and policy.next_attempt(made, NOW) is not None:
        made += 1
    assert made == (60 if policy.attempts is None else policy.attempts)


@given(policies, st.integers(1, 60), st.floats(0, 2e6))
def test_a_repeated_attempt_lies_in_the_future_and_an_old_one_is_given_up(
    policy: RetryPolicy, failed: int, age_s: float
) -> None:
    again = policy.next_attempt(failed, NOW, NOW - timedelta(seconds=age_s))
    if policy.give_up_s is not None and age_s > policy.give_up_s + 1e-3:
        assert again is None
    if again is not None:
        assert NOW < again <= NOW + timedelta(seconds=policy.ceiling_s + 1e-3)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_failed_together_does_not_come_back_together(kind: Kind, tmp_path: Path) -> None:
    policy = retry_policy(Settings(data_dir=tmp_path), kind)
    waits = {policy.wait_s(2) for _ in range(50)}
    assert len(waits) > 40
    assert policy.jitter == JITTER


# By hand, from the settings' defaults: the documents state these waits.
@pytest.mark.parametrize(
    ("kind", "failed", "longest_s"),
    [
        ("job", 1, 5),
        ("job", 2, 10),
        ("job", 3, None),
        ("job_outside_cause", 1, 30),
        ("job_outside_cause", 500, 30),
        ("delivery", 1, 5),
        ("delivery", 8, 640),
        ("delivery", 9, 900),
        ("delivery", 10_000, 900),
        ("hl7_message", 1, 5),
        ("hl7_message", 19, 900),
        ("hl7_message", 20, None),
        ("webhook_notice", 1, 5),
        ("webhook_notice", 10, 2560),
        ("webhook_notice", 11, 3600),
        ("webhook_notice", 12, None),
        ("commitment_report", 1, 5),
        ("commitment_report", 3, 20),
        ("shadow_run", 1, 30),
        ("shadow_run", 8, None),
        ("model_server", 1, 30),
        ("model_server", 9, 600),
    ],
)
def test_the_standard_waits(
    kind: Kind, failed: int, longest_s: float | None, tmp_path: Path
) -> None:
    policy = retry_policy(Settings(data_dir=tmp_path), kind)
    again = policy.next_attempt(failed, NOW)
    if longest_s is None:
        assert again is None
        return
    assert again is not None
    assert 0.8 * longest_s <= (again - NOW).total_seconds() <= longest_s


def test_a_notice_of_yesterday_is_given_up(tmp_path: Path) -> None:
    policy = retry_policy(Settings(data_dir=tmp_path), "webhook_notice")
    assert policy.next_attempt(1, NOW, NOW - timedelta(hours=25)) is None
    assert policy.next_attempt(1, NOW, NOW - timedelta(hours=23)) is not None


def test_each_kind_has_settings_of_its_own(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        delivery_retry_base_s=7,
        hl7_retry_base_s=60,
        commitment_retry_max_s=11,
        job_retry_base_s=3,
        shadow_max_attempts=2,
    )
    assert retry_policy(settings, "delivery").base_s == 7
    assert retry_policy(settings, "hl7_message").base_s == 60
    assert retry_policy(settings, "commitment_report").base_s == 7
    assert retry_policy(settings, "commitment_report").ceiling_s == 11
    assert retry_policy(settings, "job").base_s == 3
    assert retry_policy(settings, "shadow_run").attempts == 2


def test_the_documented_waits_are_the_defaults(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## Retries\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| ") and "first wait" not in line
    ]
    kinds: list[Kind] = [
        *("job", "job_outside_cause", "delivery", "hl7_message"),
        *("webhook_notice", "commitment_report", "peer_notification", "shadow_run"),
        *("model_server", "prior"),
    ]
    assert len(rows) == len(kinds) == len(get_args(Kind))
    settings = Settings(data_dir=tmp_path)
    for (_, first, longest, attempts, names), kind in zip(rows, kinds, strict=True):
        policy = retry_policy(settings, kind)
        base = retry_policy(settings, "delivery") if first == "as deliveries" else None
        assert policy.base_s == (base.base_s if base else float(first.removesuffix(" s")))
        assert policy.ceiling_s == (base.ceiling_s if base else float(longest.removesuffix(" s")))
        assert (policy.attempts is None) == attempts.startswith("unlimited")
        if policy.attempts is not None:
            assert attempts.startswith(str(policy.attempts))
        for name in names.replace("`", "").split(", "):
            assert name.removeprefix("MEDIVIEW_").lower() in Settings.model_fields

"""What holds for every number, side and order, and for text made to slip through."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.faithfulness.cases import FAITHFUL, finding_cases
from benchmarks.faithfulness.mutations import other_side
from inference.language.guard import Evidence, SourceText, check_sentence
from inference.language.guard.assertions.reading.lines import LONGEST_SENTENCE
from inference.language.guard.sentences import split_sentences
from tests.inference.language.guard.findings import CHEST_CT, T1_HEAD

CASES = [one for one in finding_cases("tuned") if one.what == FAITHFUL]
VALUED = [one for one in (*T1_HEAD.findings, *CHEST_CT.findings) if one.value is not None]
cases = st.sampled_from(CASES)
# Each new evidence is read as a whole, and on a busy machine that takes as long as it takes; how
# long the guard computes is measured below, in processor time.
without_deadline = settings(deadline=None)


def evidence_with(finding_index: int) -> Evidence:
    return T1_HEAD if finding_index < len(T1_HEAD.findings) else CHEST_CT


@without_deadline
@given(st.integers(0, len(VALUED) - 1), st.floats(0.3, 3.0), st.integers(0, 3))
def test_a_number_beyond_rounding_is_withheld(index: int, factor: float, decimals: int) -> None:
    finding, evidence = VALUED[index], evidence_with(index)
    stated = (finding.value or 0.0) * factor
    shown = f"{stated:.{decimals}f}"
    off = abs(float(shown) - (finding.value or 0.0))
    unit = finding.unit.value if finding.unit else ""
    unit = "HU" if unit == "[hnsf'U]" else unit
    verdict = check_sentence(f"{finding.label}: {shown} {unit}.", evidence)
    if off > 0.5 * 10.0**-decimals + 1e-6:
        assert not verdict.supported
    elif off <= 0.04 * abs(finding.value or 0.0):
        assert verdict.supported, verdict.reasons


@without_deadline
@given(cases)
def test_the_other_side_is_withheld(case) -> None:  # type: ignore[no-untyped-def]
    other = other_side(case.text)
    if other is not None and "{value" in case.template:
        assert not check_sentence(other, case.evidence).supported, other


# To deny a change may be true.
@pytest.mark.parametrize(
    "case",
    [one for one in CASES if "unchanged" not in one.text and "change of" not in one.text][::7],
    ids=lambda one: one.text,
)
@pytest.mark.parametrize("no", ["No", "Not", "There is no", "No evidence of", "Without", "Kein"])
def test_a_denial_is_withheld(case, no: str) -> None:  # type: ignore[no-untyped-def]
    sentence = f"{no} {case.text[0].lower()}{case.text[1:]}"
    assert not check_sentence(sentence, case.evidence).supported, sentence


@without_deadline
@given(cases, st.randoms())
def test_the_order_of_findings_does_not_matter(case, random) -> None:  # type: ignore[no-untyped-def]
    findings = list(case.evidence.findings)
    random.shuffle(findings)
    shuffled = replace(case.evidence, findings=tuple(findings))
    first = check_sentence(case.text, case.evidence)
    second = check_sentence(case.text, shuffled)
    assert first.supported
    assert second.supported
    assert set(first.finding_ids) == set(second.finding_ids)


TRICKS = {
    "full-width digits": lambda text: text.translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    "Arabic digits": lambda text: text.translate({ord("0") + n: 0x0660 + n for n in range(10)}),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "thin spaces": lambda text: text.replace(" ", "\u2009"),
    "zero-width spaces": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "Cyrillic letters": lambda text: text.translate(str.maketrans("aeopcx", "аеорсх")),
    "Greek letters": lambda text: text.translate(str.maketrans("ov", "ον")),
    "combining marks": lambda text: text.replace("e", "e\u0301"),
    "right to left": lambda text: f"\u202e{text}\u202c",
    "mathematical letters": lambda text: text.translate(
        {ord("a") + n: 0x1D41A + n for n in range(26)}
    ),
    "raised digits": lambda text: text.replace("2", "²"),
    "small capitals": lambda text: text.replace("t", "ᴛ"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_of_characters_lets_a_false_sentence_pass(trick: str) -> None:
    false = [one for one in finding_cases("tuned") if one.what != FAITHFUL]
    for case in false[::5]:
        text = TRICKS[trick](case.text)
        assert not check_sentence(text, case.evidence).supported, text


def test_what_looks_the_same_is_read_the_same() -> None:
    for stated in ("Left\u00a0lung volume: 1.73\u202fL", "Left lung volume – 1.73 L"):
        assert check_sentence(stated, CHEST_CT).supported, stated


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000,
        "." * 100_000,
        "1" * 100_000,
        "1,1" * 30_000,
        "no " * 30_000,
        "left right " * 10_000,
        "1 x " * 20_000,
        "a-" * 40_000,
        "1. " * 30_000,
        "\n" * 100_000,
        "No left lung volume 1.73 L and " * 3_000,
        "<" * 50_000,
        "@a" * 40_000,
        "select " * 20_000,
        "12/12/" * 15_000,
        "the year-old " * 9_000,
        "patient id: " * 9_000,
        "é" * 60_000,
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_no_input_takes_long(text: str) -> None:
    as_source = Evidence(texts=(SourceText("hostile", text),))
    started = time.process_time()
    assert not check_sentence(text, CHEST_CT).supported
    assert not check_sentence(text[:LONGEST_SENTENCE], CHEST_CT).supported
    check_sentence("Left lung volume: 1.73 L", as_source)
    assert time.process_time() - started < 10.0


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    sentences = [text[start:end] for start, end in split_sentences(text)]
    verdicts = [check_sentence(one, CHEST_CT) for one in sentences]
    assert [check_sentence(one, CHEST_CT) for one in sentences] == verdicts

"""A model of entailment: a small one of the real class, saved and loaded as large ones are."""

import subprocess
import sys
from pathlib import Path

import pytest

from inference.language.guard import Ground, check_sentence
from inference.language.guard.entailment_model import Entailment, entailment_of
from inference.refusals import ModelUnusable
from tests.inference.language.guard.findings import CHEST_CT
from tests.patience import PATIENCE_S

LABELS = ("contradiction", "neutral", "entailment")
SENTENCE = "Left lung volume: 1.73 L"


def saved(folder: Path, certain_of: str, labels: tuple[str, ...] = LABELS) -> Path:
    """A BERT for pairs of sentences that always says the same."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "lung"])}
    tokenizer = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", sep_token="[SEP]"
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([9.0 * (one == certain_of) for one in labels]))
    model.save_pretrained(folder)
    return folder


def loaded(folder: Path) -> Entailment:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    return entailment_of(
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
        folder.name,
    )


def test_what_the_model_holds_to_follow_passes(tmp_path: Path) -> None:
    opinion = loaded(saved(tmp_path, "entailment"))
    assert check_sentence(SENTENCE, CHEST_CT, opinion) == check_sentence(SENTENCE, CHEST_CT)


@pytest.mark.parametrize("label", ["neutral", "contradiction"])
def test_what_it_doubts_is_withheld(tmp_path: Path, label: str) -> None:
    verdict = check_sentence(SENTENCE, CHEST_CT, loaded(saved(tmp_path, label)))
    assert not verdict.supported
    assert [one.ground for one in verdict.reasons] == [Ground.ENTAILMENT]


def test_it_lets_nothing_pass_that_the_rules_withhold(tmp_path: Path) -> None:
    opinion = loaded(saved(tmp_path, "entailment"))
    assert not check_sentence("Left lung volume: 2.73 L", CHEST_CT, opinion).supported


def test_it_is_asked_with_the_evidence_that_was_found() -> None:
    asked = []
    check_sentence(SENTENCE, CHEST_CT, lambda *given: asked.append(given))
    assert asked == [(SENTENCE, ("Left lung volume: 1.73 L.",))]


def test_what_it_cannot_read_whole_is_withheld(tmp_path: Path) -> None:
    opinion = loaded(saved(tmp_path, "entailment"))
    reason = opinion("lung " * 100, ("lung",))
    assert reason is not None
    assert "too many to judge" in reason.text


def test_a_model_without_the_label_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path, "positive", ("negative", "positive"))
    with pytest.raises(ModelUnusable, match="none is entailment"):
        loaded(folder)


def test_torch_is_not_imported_without_a_model() -> None:
    code = (
        "import sys; from tests.inference.language.guard.findings import CHEST_CT;"
        "from inference.language.guard import check_sentence;"
        f"assert check_sentence({SENTENCE!r}, CHEST_CT).supported;"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE_S)

"""Small models of the real classes, with tokenizers trained here, saved as the hub holds them.

Some are taught one sentence or two by heart, so that what they write can be judged.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from inference.language.models.loaded_model import LoadedModel
from inference.language.models.prompts import REPHRASE, SUMMARIZE, text_inputs
from inference.language.tasks import ModelRef

CORPUS = (
    "A large left hydropneumothorax is noted.",
    "A large right hydropneumothorax is noted.",
    "No evidence of pulmonary embolism.",
    "Development of severe pulmonary edema.",
    "Brain volume: 1,234.5 cm³, measured by deepbet 1.0.2.",
    "What is the volume of the brain? Is there a pleural effusion? yes no",
    "The patient Adalbert Quernhammer was seen by Dr. Miller on 2024-01-31.",
    "USER: ASSISTANT: REPORT Answer: Summarise the text between the marks.",
    "How many cups of milk? 2 kopjes melk en 3 liter water.",
)
_SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


def byte_tokenizer(corpus: Iterable[str] = CORPUS, extra: Sequence[str] = ()) -> Any:
    """A byte-level BPE trained on the corpus, as BART and Llama have."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=[*_SPECIAL, *extra],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
        extra_special_tokens={},
    )


def word_tokenizer(folder: Path, corpus: Iterable[str] = CORPUS) -> Any:
    """A WordPiece trained on the corpus, as BERT has."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    raw = BertWordPieceTokenizer(lowercase=True)
    raw.train_from_iterator(corpus, vocab_size=400, show_progress=False)
    raw.save_model(str(folder))
    return BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=128)


def bart(folder: Path, says: str | None) -> Path:
    """A BART that writes `says` after whatever it reads; without it, what chance gives."""
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(1)
    tokenizer = byte_tokenizer()
    model = BartForConditionalGeneration(
        BartConfig(
            vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
            decoder_ffn_dim=64, max_position_embeddings=512, pad_token_id=0, bos_token_id=1,
            eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None, dropout=0.0,
        )
    )  # fmt: skip
    if says is not None:
        labels = torch.tensor([[*tokenizer(says)["input_ids"], 2]])
        sources = [tokenizer(one, return_tensors="pt") for one in CORPUS[:3]]

        def loss(step: int) -> Any:
            return model(**_only_ids(sources[step % len(sources)]), labels=labels).loss

        taught(model, loss)
    return saved(folder, model, tokenizer)


def llama(folder: Path, says: str, *, chat: bool = True, ends: bool = True) -> Path:
    """A causal model that writes `says` after any prompt that ends as a turn does."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(2)
    tokenizer = byte_tokenizer()
    if chat:
        tokenizer.chat_template = (
            "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}Answer:\n"
        )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=48, intermediate_size=96, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=2048,
            pad_token_id=0, bos_token_id=1, eos_token_id=2,
        )
    )  # fmt: skip
    answer = [*tokenizer(says)["input_ids"], *([2] if ends else [])]
    itself = LoadedModel(ModelRef("llama", "", ""), model, tokenizer)
    prompts = [
        text_inputs(itself, task, " ".join(CORPUS[: 1 + count]))[0]["input_ids"][0].tolist()
        for task in (SUMMARIZE.format(count=5), REPHRASE)
        for count in range(6)
    ]

    def loss(step: int) -> Any:
        prompt = prompts[step % len(prompts)]
        ids = torch.tensor([[*prompt, *answer]])
        labels = ids.clone()
        labels[0, : len(prompt)] = -100
        return model(input_ids=ids, labels=labels).loss

    taught(model, loss, steps=200)
    return saved(folder, model, tokenizer)


def taught(model: Any, loss: Any, steps: int = 150) -> None:
    """Train until the model knows it by heart."""
    import torch

    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    calm = 0
    for step in range(steps):
        optimizer.zero_grad()
        value = loss(step)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        calm = calm + 1 if float(value.detach()) < 0.01 else 0
        if calm >= 12:
            break
    model.eval()


def token_classifier(folder: Path, name: str) -> Path:
    """A BERT that was taught that `name` is a person."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    torch.manual_seed(7)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer(folder)
    labels = {0: "O", 1: "B-PER"}
    model = BertForTokenClassification(
        BertConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=64, max_position_embeddings=128,
            id2label=labels, label2id={word: index for index, word in labels.items()},
        )
    )  # fmt: skip
    texts = [f"{one} {name} {CORPUS[0]}" for one in CORPUS[:4]]
    batches = []
    for text in texts:
        encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = encoded.pop("offset_mapping")[0].tolist()
        begin = text.index(name)
        marks = [int(begin <= a < b <= begin + len(name)) for a, b in offsets]
        batches.append((encoded, torch.tensor([marks])))

    def loss(step: int) -> Any:
        encoded, marks = batches[step % len(batches)]
        return model(**encoded, labels=marks).loss

    taught(model, loss)
    return saved(folder, model, tokenizer)


def _only_ids(encoded: Any) -> dict[str, Any]:
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def saved(folder: Path, model: Any, processor: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder

"""Small models of the real classes that look at pages and images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.inference.language.small_models import (
    CORPUS,
    byte_tokenizer,
    saved,
    taught,
    word_tokenizer,
)


def layoutlm(folder: Path) -> Path:
    import torch
    from transformers import LayoutLMConfig, LayoutLMForQuestionAnswering

    torch.manual_seed(3)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer(folder)
    model = LayoutLMForQuestionAnswering(
        LayoutLMConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=64, max_position_embeddings=256,
        )
    )  # fmt: skip
    return saved(folder, model, tokenizer)


def vilt(folder: Path, answers: Sequence[str] = ("yes", "no")) -> Path:
    import torch
    from transformers import ViltConfig, ViltForQuestionAnswering, ViltImageProcessor, ViltProcessor

    torch.manual_seed(4)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer(folder)
    labels = dict(enumerate(answers))
    model = ViltForQuestionAnswering(
        ViltConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=64, image_size=64, patch_size=16,
            max_position_embeddings=64, id2label=labels,
            label2id={word: index for index, word in labels.items()},
        )
    )  # fmt: skip
    processor = ViltProcessor(
        ViltImageProcessor(size={"shortest_edge": 64}, size_divisor=16), tokenizer
    )
    return saved(folder, model, processor)


def blip(folder: Path) -> Path:
    import torch
    from transformers import BlipConfig, BlipForQuestionAnswering, BlipImageProcessor, BlipProcessor

    torch.manual_seed(5)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer(folder)
    tokenizer.add_special_tokens({"bos_token": "[DEC]"})
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "encoder_hidden_size": 32,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64,
        "max_position_embeddings": 64, "bos_token_id": tokenizer.bos_token_id,
        "pad_token_id": 0, "sep_token_id": tokenizer.sep_token_id,
        "eos_token_id": tokenizer.sep_token_id,
    }  # fmt: skip
    seen = {
        "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 64, "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    model = BlipForQuestionAnswering(BlipConfig(text_config=text, vision_config=seen))
    # As it is initialised, what it sees drowns in rounding.
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    processor = BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer)
    return saved(folder, model, processor)


def llava(folder: Path, says: str | None = None) -> Path:
    """An image-text-to-text model: CLIP's eyes, Llama's tongue."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    torch.manual_seed(6)
    tokenizer = byte_tokenizer(extra=("<image>",))
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
            image_size=32, patch_size=8,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=48, intermediate_size=96, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=1024,
            pad_token_id=0, bos_token_id=1, eos_token_id=2,
        ),
        image_token_index=image_token, vision_feature_layer=-1,
    )  # fmt: skip
    model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = 2
    model.generation_config.pad_token_id = 0
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=(
            "{% for m in messages %}USER: {% for c in m['content'] %}"
            "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}"
            "{% endfor %}\nASSISTANT:\n{% endfor %}"
        ),
    )
    if says is not None:
        from PIL import Image

        answer = [*tokenizer(says)["input_ids"], 2]
        shades = [Image.new("RGB", (32, 32), (tone,) * 3) for tone in (10, 90, 200)]
        texts = [f"USER: <image>\n{one}\nASSISTANT:\n" for one in CORPUS[:3]]
        prompts = [
            processor(images=shade, text=text, return_tensors="pt")
            for shade, text in zip(shades, texts, strict=True)
        ]

        def loss(step: int) -> Any:
            prompt = dict(prompts[step % len(prompts)])
            before = prompt.pop("input_ids")
            prompt.pop("attention_mask")
            ids = torch.cat([before, torch.tensor([answer])], dim=1)
            labels = ids.clone()
            labels[0, : before.shape[1]] = -100
            return model(input_ids=ids, labels=labels, **prompt).loss

        taught(model, loss)
    return saved(folder, model, processor)


def segformer(folder: Path) -> Path:
    import torch
    from transformers import (
        SegformerConfig,
        SegformerForSemanticSegmentation,
        SegformerImageProcessor,
    )

    torch.manual_seed(8)
    labels = {0: "background", 1: "lesion", 2: "skin"}
    model = SegformerForSemanticSegmentation(
        SegformerConfig(
            num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 16],
            patch_sizes=[7, 3], strides=[4, 2], num_attention_heads=[1, 2], mlp_ratios=[2, 2],
            decoder_hidden_size=16, id2label=labels,
            label2id={word: index for index, word in labels.items()},
        )
    )  # fmt: skip
    processor = SegformerImageProcessor(size={"height": 64, "width": 64})
    return saved(folder, model, processor)

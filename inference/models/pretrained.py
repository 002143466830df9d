"""Weights that transformers loads, all of them from the model's files."""

from typing import Any

from inference.refusals import ModelUnusable


def pretrained(auto_class: Any, source: str, **options: Any) -> Any:
    """What `from_pretrained` gives. Raises ModelUnusable where weights lack, which transformers
    would leave as chance has set them, and what the framework raises."""
    model, info = auto_class.from_pretrained(source, output_loading_info=True, **options)
    absent = [*info["missing_keys"], *info.get("mismatched_keys", ())]
    if absent:
        raise ModelUnusable(
            f"The weights of {_name(options, source)} lack {len(absent)} that its configuration"
            " asks for.",
            remedy="Save the model again by save_pretrained.",
        )
    return model


def _name(options: dict[str, Any], source: str) -> str:
    # The file, or the last part of a folder and of a name on the hub.
    return str(options.get("gguf_file") or source).rstrip("/").rpartition("/")[2]

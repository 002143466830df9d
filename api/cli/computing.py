"""What a command says where the packages that compute networks are left out."""

import importlib.util

from storage.core.errors import NotConfigured

# `computing` of scripts/install.sh.
PACKAGES = frozenset({"torch", "torchvision", "monai", "transformers", "sentence_transformers"})
_REMEDY = (
    "Use the complete image (mediview:VERSION without -core), or install the node with its models:"
    " scripts/install.sh without MODELS=no."
)


def check_computes() -> None:
    """Refuse to start what computes models where it cannot. Raises NotConfigured."""
    if importlib.util.find_spec("torch") is None:
        raise absent("torch")


def absent(package: str) -> NotConfigured:
    return NotConfigured(
        f"This installation computes no models: {package} is not installed.", remedy=_REMEDY
    )

"""How files of a model are named to who adds or changes it."""

from pathlib import Path


def without_folder(text: str, folder: Path, whole: str) -> str:
    """Files as they lie in the model, and not where the node looks at it; `whole` is the folder."""
    return text.replace(f"{folder}/", "").replace(str(folder), whole)

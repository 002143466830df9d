"""Where the built viewer lies, and whether it is there."""

from pathlib import Path

from storage.settings import Settings

_SOURCE_TREE = Path(__file__).resolve().parent.parent / "viewer" / "out"
_PACKAGED = Path(__file__).resolve().parent / "viewer_static"


def viewer_folder(settings: Settings) -> Path:
    """Where the built viewer lies: as set, of the source tree, or as packaged."""
    if settings.viewer_dir is not None:
        return settings.viewer_dir
    return _SOURCE_TREE if (_SOURCE_TREE / "index.html").is_file() else _PACKAGED


def is_viewer_built(settings: Settings) -> bool:
    return (viewer_folder(settings) / "index.html").is_file()

"""Where the built viewer lies, and whether it is there."""

from pathlib import Path

from storage.settings import Settings

_SOURCES = Path(__file__).resolve().parents[2] / "viewer"
_PACKAGED = Path(__file__).resolve().parents[1] / "viewer_static"


def viewer_folder(settings: Settings) -> Path:
    """Where the built viewer lies: as set, of the source tree, or as packaged."""
    if settings.viewer_dir is not None:
        return settings.viewer_dir
    # Of a source tree also where it is not built yet: `make run` builds it beside the running node.
    return _SOURCES / "out" if (_SOURCES / "package.json").is_file() else _PACKAGED


def is_viewer_built(settings: Settings) -> bool:
    return (viewer_folder(settings) / "index.html").is_file()

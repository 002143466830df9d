"""Which node is spoken to, and the key to it, in a file that its owner alone can read."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mediview_client.errors import MediViewClientError


class NotSignedIn(MediViewClientError):
    """No node is known, or the file that names it cannot be used."""


@dataclass(frozen=True)
class SignIn:
    url: str
    key: str


def sign_in_file() -> Path:
    """`mediview/login.json` where the user's settings are (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "mediview" / "login.json"


def current() -> SignIn:
    """NODE_URL and NODE_KEY, else the last `login`. Raises NotSignedIn."""
    url = os.environ.get("NODE_URL", "")
    if url:
        return SignIn(url, os.environ.get("NODE_KEY", ""))
    path = sign_in_file()
    try:
        if path.stat().st_mode & 0o077:
            raise NotSignedIn(f"{path} holds a key and others can read it. Run: chmod 600 {path}")
        saved = json.loads(path.read_text())
        return SignIn(str(saved["url"]), str(saved["key"]))
    except FileNotFoundError:
        raise NotSignedIn(
            "No node is signed in to. Run `mediview login https://…`, or set NODE_URL and NODE_KEY."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise NotSignedIn(f"{path} cannot be read. Run `mediview login https://…` again.") from None


def save(sign_in: SignIn) -> Path:
    """Whole or not at all, and never readable by others (0600), also where a file was before."""
    path = sign_in_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": sign_in.url, "key": sign_in.key}, file)
    temporary.replace(path)
    return path


def forget() -> None:
    sign_in_file().unlink(missing_ok=True)

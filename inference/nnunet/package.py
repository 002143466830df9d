"""nnunetv2 itself, which is an extra: the error where it is missing, and its messages."""

import contextlib
import io
import warnings
from collections.abc import Iterator

from inference.refusals import ModelUnusable


@contextlib.contextmanager
def nnunetv2_at_work(models: str = "nnU-Net", extra: str = "nnunet") -> Iterator[None]:
    """Import and use nnunetv2, which prints and warns about what is no concern of an operator.

    `models` need it, and `extra` installs it. Raises ModelUnusable where it, or something that it
    needs, is not installed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModuleNotFoundError as error:
        raise ModelUnusable(
            f"Models of {models} need the package {error.name}, which is not installed.",
            remedy=f"scripts/install.sh viewer {extra} adds it to .venv.",
        ) from error

"""Passwords: what they must be like, and their hashes (argon2id, RFC 9106)."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from storage.core.callers.shares import Shares
from storage.core.errors import InvalidRequest
from storage.core.text.normalization import normalized
from storage.processes.priority import thread_gives_way

_MAX_CHARACTERS = 256
# zxcvbn's "safely unguessable": more than 10^8 guesses, which the pauses between attempts
# stretch to centuries. It takes no more than so many characters, nor needs to.
_MIN_SCORE = 3
_RATED_CHARACTERS = 72
# OWASP's recommendation for argon2id, with one pass more. One process hashes two at a
# time, so that a flood of attempts takes 38 MiB and not the machine.
_HASHER = PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1)
_MOST_AT_ONCE = 2
_AT_ONCE = Shares(_MOST_AT_ONCE)
# zxcvbn keeps the words of its caller in a table that all callers share.
_RATING = threading.Lock()
# What an unknown name is compared with, so that it takes as long as a known one.
_OF_NOBODY = (
    "$argon2id$v=19$m=19456,t=3,p=1$+wb4ibb3Ru0b+D9J4HyFAQ$"
    "3NbxyJY8TdJNvQBR9/8YPva31MfQ7hQ/+K6wNFDQlvU"
)


def check_password(password: str, name: str, min_length: int) -> None:
    """Raise InvalidRequest unless the password is long enough, not the name, and not a common one.

    Length is what counts; rules about kinds of characters make passwords worse
    (NIST SP 800-63B 3.1.1.2). What many people use is refused whatever its length, by zxcvbn's
    lists of passwords, names and words, and what is made of them by a few digits.
    """
    characters = len(_normal(password))
    if not min_length <= characters <= _MAX_CHARACTERS:
        raise InvalidRequest(
            f"The password has {characters} characters.",
            remedy=f"Choose {min_length} to {_MAX_CHARACTERS}; a few words are good.",
        )
    if name.casefold() in password.casefold() and len(password) < len(name) + min_length:
        raise InvalidRequest(
            "The password is little more than the name.", remedy="Choose another one."
        )
    if len(set(password)) < 5:
        raise InvalidRequest("The password repeats a few characters.", remedy="Choose another one.")
    if _score(_normal(password), name) < _MIN_SCORE:
        raise InvalidRequest(
            "The password is one that many people use, or little more than such a one.",
            remedy="Choose a few words that have nothing to do with each other.",
        )


def _score(password: str, name: str) -> int:
    """0 (guessed at once) to 4, of the first characters."""
    # Few processes ever set a password, and the lists take 30 MiB.
    from zxcvbn import zxcvbn

    with _RATING:
        rated = zxcvbn(password[:_RATED_CHARACTERS], user_inputs=[name, "mediview", "mediviewai"])
    return int(rated["score"])


@cache
def _threads() -> ThreadPoolExecutor:
    """Anybody may have passwords hashed: modalities store, and others are answered, before that."""
    return ThreadPoolExecutor(_MOST_AT_ONCE, "passwords", thread_gives_way)


os.register_at_fork(after_in_child=_threads.cache_clear)


def hash_password(password: str) -> str:
    with _AT_ONCE.turn(None):
        return _threads().submit(_HASHER.hash, _normal(password)).result()


def is_password(password_hash: str, password: str) -> bool:
    """Whether it is the one; an empty hash, nobody's, takes the same time and is never."""
    # No honest password is longer; hashing a megabyte would be the attacker's work for us.
    tried = _normal(password[: 4 * _MAX_CHARACTERS])
    with _AT_ONCE.turn(None):
        try:
            checked = _threads().submit(_HASHER.verify, password_hash or _OF_NOBODY, tried)
            return checked.result() and bool(password_hash)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than are in force."""
    return _HASHER.check_needs_rehash(password_hash)


def _normal(password: str) -> str:
    # The same keys give other code points on other systems (SP 800-63B 3.1.1.2).
    return normalized("NFKC", password)

"""Models that somebody whom the site trusts has signed.

Signed is `SHA256SUMS`, the list of all files as `sha256sum` writes it. The signature lies beside
it: `SHA256SUMS.sig`, as openssl or cosign give it (bytes, or base64), or
`SHA256SUMS.sigstore.json`, a Sigstore bundle with the signature of a key.
"""

import base64
import binascii
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from inference.models.files import file_sha256
from inference.models.model_folders import files_of
from storage.core.errors import InvalidRequest, LimitExceeded, NotConfigured
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.settings import Settings

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
BUNDLE = "SHA256SUMS.sigstore.json"
_SIGNING = (SUMS, SIGNATURE, BUNDLE)
_AT_MOST_BYTES = 1024 * 1024
_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(\S.*)")
_SIGN = f"Let who answers for the model list its files in {SUMS} and sign that (docs/pipelines.md)."


def check_signature(settings: Settings, folder: Path) -> str:
    """Which of the site's keys signed the files of a folder, all of them and as they are.

    The name of the key's file. Raises NotConfigured where no key can be read, InvalidRequest where
    the signature is missing, is of none of the keys, or the files are not those that were signed.
    """
    keys = _keys(settings)
    sums = _read(folder / SUMS)
    signature = _signature(folder)
    for name, key in keys.items():
        if _verifies(key, signature, sums):
            _check_files(folder, sums)
            return name
    raise InvalidRequest(
        f"The signature of {SUMS} in {folder.name} is of none of the site's keys"
        f" ({', '.join(keys)}).",
        remedy="Get the model again from who signs for this site, or add that key to"
        " MEDIVIEW_MODEL_KEYS.",
    )


def _keys(settings: Settings) -> dict[str, PublicKeyTypes]:
    folder = settings.model_keys
    found: dict[str, PublicKeyTypes] = {}
    for path in sorted(folder.glob("*.pem")) + sorted(folder.glob("*.pub")) if folder else []:
        try:
            found[path.name] = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise NotConfigured(
                f"{path} is no public key in PEM.",
                remedy="openssl pkey -in KEY -pubout writes one.",
            ) from error
    if not found:
        raise NotConfigured(
            "MEDIVIEW_MODEL_KEYS names no folder with public keys (*.pem, *.pub), so no signature"
            " of a model can be checked.",
            remedy="Put the keys there by which models for this site are signed.",
        )
    return found


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _AT_MOST_BYTES:
            raise InvalidRequest(f"{path.name} is larger than 1 MiB.", remedy=_SIGN)
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"{path.parent.name} is not signed: it has no {path.name}.", remedy=_SIGN
        ) from error


def _signature(folder: Path) -> bytes:
    if (folder / BUNDLE).is_file():
        try:
            bundle = load_bounded_json(_read(folder / BUNDLE), 1_000)
            return base64.b64decode(bundle["messageSignature"]["signature"], validate=True)
        except (ValueError, TypeError, KeyError, LimitExceeded) as error:
            raise InvalidRequest(
                f"{BUNDLE} has no messageSignature of a key.", remedy=_SIGN
            ) from error
    content = _read(folder / SIGNATURE)
    try:
        return base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        # As openssl writes it.
        return content


def _verifies(key: PublicKeyTypes, signature: bytes, signed: bytes) -> bool:
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_files(folder: Path, sums: bytes) -> None:
    stated: dict[str, str] = {}
    for line in sums.decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidRequest(f"{SUMS} has a line that sha256sum does not write.", remedy=_SIGN)
        stated[match[2]] = match[1]
    present = {str(path.relative_to(folder)): path for path in files_of(folder)}
    for name in _SIGNING:
        present.pop(name, None)
        stated.pop(name, None)
    for name in sorted(stated.keys() ^ present.keys()):
        what = "is missing" if name in stated else "was not signed"
        raise InvalidRequest(f"{name} of {folder.name} {what}.", remedy=_SIGN)
    for name, path in present.items():
        if file_sha256(path) != stated[name]:
            raise InvalidRequest(
                f"{name} of {folder.name} is another file than the one that was signed.",
                remedy="Get the model again from who signed it.",
            )

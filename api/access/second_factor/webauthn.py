"""Security keys and passkeys as a second factor (W3C Web Authentication, level 3).

Its library parses certificates of many kinds, which takes some megabytes: import this where a key
is used.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api.access.second_factor.relying_party import RelyingParty
from storage.accounts.second_factors import SecondFactor

_NAME = "MediViewAI"
# What its parsers raise on what was made up, besides their own.
_MALFORMED = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True)
class NewKey:
    """What is remembered of an authenticator; both texts are base64url."""

    credential_id: str
    public_key: str
    sign_count: int


def registration_options(
    party: RelyingParty, account: str, known: Iterable[SecondFactor]
) -> tuple[str, dict[str, Any]]:
    """The challenge, in base64url, and what the page gives to navigator.credentials.create()."""
    options = generate_registration_options(
        rp_id=party.host,
        rp_name=_NAME,
        user_name=account,
        # Authenticators keep it; a name does not belong there.
        user_id=hashlib.sha256(b"mediview account\0" + account.encode()).digest(),
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return bytes_to_base64url(options.challenge), json.loads(options_to_json(options))


def registered(party: RelyingParty, challenge: str, credential: dict[str, Any]) -> NewKey | None:
    """The new authenticator, None where its answer is not one to the challenge."""
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.host,
            expected_origin=party.origin,
        )
    except _MALFORMED:
        return None
    return NewKey(
        bytes_to_base64url(verified.credential_id),
        bytes_to_base64url(verified.credential_public_key),
        verified.sign_count,
    )


def authentication_options(
    party: RelyingParty, known: Iterable[SecondFactor]
) -> tuple[str, dict[str, Any]]:
    """The challenge, in base64url, and what the page gives to navigator.credentials.get()."""
    options = generate_authentication_options(
        rp_id=party.host,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return bytes_to_base64url(options.challenge), json.loads(options_to_json(options))


def used_key(
    party: RelyingParty,
    challenge: str,
    credential: dict[str, Any],
    known: Iterable[SecondFactor],
) -> tuple[SecondFactor, int] | None:
    """Which of the account's keys signed the challenge, and its counter; None: none did."""
    factor = next(
        (
            one
            for one in known
            if one.kind == "webauthn" and one.credential_id == credential.get("id")
        ),
        None,
    )
    if factor is None:
        return None
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(factor.public_key),
            credential_current_sign_count=factor.sign_count,
        )
    except _MALFORMED:
        return None
    return factor, verified.new_sign_count


def _descriptors(known: Iterable[SecondFactor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id))
        for one in known
        if one.kind == "webauthn"
    ]

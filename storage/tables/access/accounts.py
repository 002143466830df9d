"""Who may come in: accounts, their second factors and sessions, keys, and failed attempts."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, false

from storage.tables.base import metadata, text_column, time_column

account = Table(
    "account",
    metadata,
    Column("name", String(80), primary_key=True),
    text_column("password_hash"),
    # As DICOM writes it (PS3.5 6.2.1); empty where nobody has stated it.
    text_column("person_name"),
    Column("roles", JSON, nullable=False),
    Column("disabled", Boolean, nullable=False),
    # Somebody else has set the password.
    Column("must_change_password", Boolean, nullable=False, server_default=false()),
    time_column("created_at"),
    time_column("updated_at"),
    time_column("password_changed_at"),
    time_column("last_sign_in_at", nullable=True),
)

session = Table(
    "session",
    metadata,
    # Of the token, which only the browser has.
    Column("token_hash", String(64), primary_key=True),
    # Whose it is: kind, issuer and subject. The name is for people to read.
    Column("kind", String(16), nullable=False),
    text_column("issuer"),
    text_column("subject"),
    # `sid` of the ID token (OpenID Connect Front-Channel Logout 1.0, 3).
    text_column("provider_session_id"),
    Column("name", String(255), nullable=False),
    # Of one whom another provider signed in; an account's own roles stand with it.
    Column("roles", JSON, nullable=False),
    # That the provider named; they may belong to access groups.
    Column("groups", JSON, nullable=False, server_default="[]"),
    text_column("address"),
    # What the browser calls itself, for the person's own list.
    text_column("user_agent"),
    time_column("created_at"),
    time_column("last_seen_at"),
    time_column("expires_at"),
    # When the person last showed in this session who it is, for a signature and for accounts.
    time_column("confirmed_at", nullable=True),
    time_column("second_factor_at", nullable=True),
    # What an authenticator is to sign, once (WebAuthn 13.4.3).
    text_column("challenge"),
    time_column("challenge_at", nullable=True),
    Index("ix_session_name", "name"),
    Index("ix_session_expires_at", "expires_at"),
)

# By issuer and `jti`, so that none counts twice.
logout_token = Table(
    "logout_token",
    metadata,
    Column("token_digest", String(64), primary_key=True),
    time_column("expires_at"),
    Index("ix_logout_token_expires_at", "expires_at"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("secret_hash", String(64), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("scopes", JSON, nullable=False),
    text_column("created_by"),
    time_column("created_at"),
    time_column("expires_at", nullable=True),
    time_column("last_used_at", nullable=True),
    time_column("revoked_at", nullable=True),
)

second_factor = Table(
    "second_factor",
    metadata,
    Column("factor_id", String(16), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("kind", String(16), nullable=False),
    text_column("label"),
    # TOTP (RFC 6238): the shared secret, sealed, and the last time step that was used.
    text_column("secret"),
    Column("last_step", BigInteger, nullable=False, server_default="0"),
    # WebAuthn: both in base64url.
    text_column("credential_id"),
    text_column("public_key"),
    Column("sign_count", BigInteger, nullable=False, server_default="0"),
    time_column("created_at"),
    # None until its owner has shown that it works.
    time_column("confirmed_at", nullable=True),
    time_column("last_used_at", nullable=True),
    Index("ix_second_factor_account", "account"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("account", String(80), nullable=False),
    time_column("created_at"),
    Index("ix_recovery_code_account", "account"),
)

failed_attempt = Table(
    "failed_attempt",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("failures", Integer, nullable=False),
    time_column("last_at"),
    time_column("blocked_until"),
)


# Under which names people of identity providers are shown, each by a digest of its skeleton.
shown_name = Table(
    "shown_name",
    metadata,
    Column("name_digest", String(64), primary_key=True),
    text_column("identity_id"),
    time_column("since"),
)

preference = Table(
    "preference",
    metadata,
    # Accounts, keys and people of identity providers may share a name, so none stands here:
    # an account's, a key's id, or a provider's URL and its subject.
    Column("kind", String(16), primary_key=True),
    Column("subject", String(1024), primary_key=True),
    Column("chosen", JSON, nullable=False),
    time_column("updated_at"),
)

"""Settings: read once from the environment and `.env`, frozen, handed down."""

import ipaddress
import os
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from storage.core.ae_titles import ALLOWED, is_title
from storage.core.errors import InvalidRequest
from storage.settings.access import AccessSettings
from storage.settings.associations import AssociationSettings, PeerAction
from storage.settings.audit import AuditSettings
from storage.settings.backup import BackupSettings
from storage.settings.data import DataSettings
from storage.settings.deliveries import DeliverySettings, Destination
from storage.settings.interfaces.fhir_orders import FhirOrderSettings
from storage.settings.interfaces.fhircast import FhircastSettings
from storage.settings.interfaces.hl7 import Hl7Destination, Hl7Settings
from storage.settings.interfaces.smart import SmartSettings
from storage.settings.interfaces.ups_sources import UpsSourceSettings
from storage.settings.jobs import JobSettings
from storage.settings.limits import MIB, LimitSettings
from storage.settings.listening import ListeningSettings
from storage.settings.mail import MailSettings
from storage.settings.models.containers import ContainerSettings
from storage.settings.models.installed import ModelSettings
from storage.settings.models.language import HF_MODELS, LanguageSettings
from storage.settings.models.servers import ModelServerSettings
from storage.settings.patient_identity import PatientIdentitySettings
from storage.settings.priors import PriorSettings
from storage.settings.renamed import RenamedSource
from storage.settings.reports import ReportSettings
from storage.settings.retention_periods import RetentionSettings
from storage.settings.server import ServerSettings
from storage.settings.traces import TraceSettings
from storage.settings.webhooks import WebhookSettings

__all__ = [
    "MIB",
    "Destination",
    "Hl7Destination",
    "PeerAction",
    "Settings",
    "is_loopback",
    "load_settings",
]


class Settings(
    DataSettings,
    ListeningSettings,
    ServerSettings,
    AssociationSettings,
    DeliverySettings,
    WebhookSettings,
    FhirOrderSettings,
    FhircastSettings,
    MailSettings,
    ReportSettings,
    Hl7Settings,
    PatientIdentitySettings,
    JobSettings,
    LimitSettings,
    RetentionSettings,
    PriorSettings,
    UpsSourceSettings,
    ModelSettings,
    ModelServerSettings,
    ContainerSettings,
    LanguageSettings,
    AuditSettings,
    AccessSettings,
    SmartSettings,
    BackupSettings,
    TraceSettings,
    BaseSettings,
):
    """Everything that an operator may set; each has an embedded default."""

    model_config = SettingsConfigDict(
        env_prefix="MEDIVIEW_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    # What is written down
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    signs_of_life_dir: Path | None = Field(
        None,
        description="Folder of a file for each worker and beat of this host, touched while the"
        " process of the worker runs and while beat ticks, for probes of containers; empty: none.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # To look for each setting in an environment that has none takes most of the time.
        others = _names_of_their_own(settings_cls)
        stated = [one for one in (env_settings, dotenv_settings) if _names_a_setting(one, others)]
        return (init_settings, *stated, file_secret_settings, RenamedSource(settings_cls))

    @field_validator("ae_title")
    @classmethod
    def _check_ae_title(cls, value: str) -> str:
        if not is_title(value.strip()):
            raise ValueError(f"an AE title has {ALLOWED} (PS3.5 6.2)")
        return value.strip()

    @model_validator(mode="after")
    def _check_own_disks(self) -> Self:
        if not self.own_disks:
            return self
        if not (
            self.database_url.startswith("postgresql")
            and self.object_store == "s3"
            and self.s3_layout == "instances"
            and self.broker_url
        ):
            raise ValueError(
                "own_disks is true, so hosts read from the bucket what others received: that needs"
                " a database_url of PostgreSQL, a broker_url of Redis, object_store s3 and"
                " s3_layout instances"
            )
        if not self.audit_key.get_secret_value():
            raise ValueError(
                "own_disks is true, so any host may seal the audit trail: set audit_key, the same"
                " on all"
            )
        return self

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        names = [destination.name for destination in self.destinations]
        if len(set(names)) < len(names):
            raise ValueError(f"two destinations share a name: {', '.join(sorted(names))}")
        if self.object_store == "s3" and not self.s3_bucket:
            raise ValueError("object_store is s3, but s3_bucket is empty")
        if self.passage_search == "pgvector" and not self.database_url.startswith("postgresql"):
            raise ValueError(
                "passage_search is pgvector, which is an extension of PostgreSQL,"
                " but database_url names none"
            )
        if self.dicom_tls_port and self.tls_certificate is None:
            raise ValueError("dicom_tls_port is set, but tls_certificate is empty")
        if not self.dicom_plain and not self.dicom_tls_port:
            raise ValueError("dicom_plain is false, but dicom_tls_port is not set")
        if (
            (self.dicom_tls_port or self.hl7_tls)
            and self.tls_client_auth != "none"
            and self.tls_ca is None
        ):
            raise ValueError(
                "tls_ca is empty, so nobody could tell whose client certificates count: name the"
                " authority that signs them, or set tls_client_auth to none"
            )
        hl7_names = [one.name for one in self.hl7_destinations]
        if len(set(hl7_names)) < len(hl7_names):
            raise ValueError(f"two HL7 destinations share a name: {', '.join(sorted(hl7_names))}")
        if self.hl7_tls and self.tls_certificate is None:
            raise ValueError("hl7_tls is set, but tls_certificate is empty")
        if self.hl7_certificates and not (self.hl7_tls and self.tls_client_auth == "required"):
            raise ValueError(
                "hl7_certificates is set, but without hl7_tls and tls_client_auth=required nobody"
                " has to show a certificate"
            )
        if self.smtp_host and not self.smtp_from:
            raise ValueError("smtp_host is set, but smtp_from is empty")
        if self.smtp_user and self.smtp_security == "none" and not is_loopback(self.smtp_host):
            raise ValueError(
                "smtp_user is set and smtp_security is none, so its password would travel in the"
                " open: set starttls or tls"
            )
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("oidc_issuer is set, but oidc_client_id is empty")
        return self

    @property
    def resolved_database_url(self) -> str:
        if self.database_url:
            # A plain postgresql:// would ask for psycopg2, which is not what the node ships.
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{self.data_dir.absolute() / 'index.sqlite3'}"

    @property
    def resolved_export_dir(self) -> Path:
        return self.export_dir or self.data_dir / "export"

    @property
    def resolved_rules_file(self) -> Path:
        return self.rules_file or self.data_dir / "rules.yaml"

    @property
    def resolved_models_dir(self) -> Path:
        return self.models_dir or self.data_dir / "models"

    @property
    def called_dicom_port(self) -> int:
        """Where associations come in: the TLS port where the plain one is switched off."""
        return self.dicom_port if self.dicom_plain else self.dicom_tls_port

    @property
    def resolved_public_url(self) -> str:
        if self.public_url:
            return self.public_url.rstrip("/")
        host = self.http_host if self.http_host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.http_port}"

    def check_binding(self, host: str, what: str) -> None:
        """Refuse to listen to DICOM beyond loopback unless the operator trusts the network.

        DICOM has no sign-in: an AE title is no secret.
        """
        if self.trusted_network or is_loopback(host):
            return
        raise InvalidRequest(
            f"{what} would listen on {host}, where other machines can reach it,"
            " and DICOM has no sign-in.",
            remedy="Listen on 127.0.0.1, or set MEDIVIEW_TRUSTED_NETWORK=true"
            " when everyone who reaches that address may send and ask for studies;"
            " MEDIVIEW_UNKNOWN_PEERS=reject and TLS narrow that down.",
        )

    def check_http_binding(self) -> None:
        """Refuse to serve HTTP beyond loopback without sign-in; no setting lifts that.

        Behind a proxy of this machine a node on loopback serves everyone whom the proxy serves.
        """
        if self.auth == "required":
            return
        behind = ""
        if not is_loopback(urlsplit(self.resolved_public_url).hostname or ""):
            behind = f"MEDIVIEW_PUBLIC_URL is {self.resolved_public_url}"
        if self.trusted_proxies:
            behind = f"MEDIVIEW_TRUSTED_PROXIES is {', '.join(self.trusted_proxies)}"
        if behind and is_loopback(self.http_host):
            raise InvalidRequest(
                f"{behind}: others reach the node through a proxy, and nobody would have to sign"
                " in.",
                remedy="Set MEDIVIEW_AUTH=required and make the first account"
                " (mediview users add NAME --role admin), or take the setting away.",
            )
        if is_loopback(self.http_host):
            return
        raise InvalidRequest(
            f"The HTTP server would listen on {self.http_host}, where other machines can reach it,"
            " and nobody would have to sign in.",
            remedy="Listen on 127.0.0.1, or set MEDIVIEW_AUTH=required and make the first account:"
            " mediview users add NAME --role admin.",
        )


def _names_a_setting(source: PydanticBaseSettingsSource, others: frozenset[str]) -> bool:
    """Whether an environment or a `.env` has any variable of the node's, or one of `others`."""
    names = getattr(source, "env_vars", None)
    if names is None:
        return True
    return any(name.upper().startswith("MEDIVIEW_") or name.upper() in others for name in names)


def _names_of_their_own(settings_cls: type[BaseSettings]) -> frozenset[str]:
    """Of settings that are called as others call them (`HF_HOME`)."""
    found: set[str] = set()
    for field in settings_cls.model_fields.values():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        found.update(one.upper() for one in choices if isinstance(one, str))
    return frozenset(found)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: Any) -> Settings:
    """From overrides, environment, `.env` and secret files, in that order of precedence."""
    secrets_dir = overrides.get("secrets_dir") or os.environ.get("MEDIVIEW_SECRETS_DIR") or None
    if secrets_dir and not Path(secrets_dir).is_dir():
        raise InvalidRequest(
            f"MEDIVIEW_SECRETS_DIR is {secrets_dir}, which is not a folder.",
            remedy="Mount the secrets there, or leave the setting out.",
        )
    settings = Settings(_secrets_dir=secrets_dir, **overrides)
    # Model folders are looked up by workers, whose working directory may differ.
    resolved = {}
    for name in HF_MODELS:
        value = getattr(settings, name)
        if value and (path := Path(value).expanduser()).exists():
            resolved[name] = os.fspath(path.resolve())
    return settings.model_copy(update=resolved) if resolved else settings

"""One FHIR server that may launch the viewer: its description, and what a launch gives."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from api.access.openid_connect.provider import NotAccepted, Provider
from storage.core.errors import NotConfigured
from storage.settings import Settings

_WELL_KNOWN = "/.well-known/smart-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
SCOPES = "openid fhirUser patient/Patient.r patient/ImagingStudy.r"
EHR_SCOPE, STANDALONE_SCOPE = "launch", "launch/patient"


class SmartServer:
    """A server of the operator's list. Blocks; used from several threads."""

    def __init__(self, settings: Settings, iss: str, client_id: str) -> None:
        self.iss = iss
        self._settings = settings
        self._client_id = client_id
        self._described = _Description(
            settings.model_copy(
                update={
                    "oidc_issuer": iss,
                    "oidc_client_id": client_id,
                    "oidc_client_secret": settings.smart_client_secret,
                    "oidc_scopes": SCOPES,
                }
            )
        )
        self._provider: _Issuer | None = None

    def provider(self) -> "_Issuer":
        """Who vouches for people there. Raises NotConfigured."""
        description = self._described.description()
        methods = description.get("code_challenge_methods_supported")
        if not isinstance(methods, list) or "S256" not in methods:
            raise _unusable("offers no PKCE with S256")
        issuer = str(description.get("issuer") or "").rstrip("/")
        if not issuer:
            raise _unusable("names no issuer of its tokens")
        if _origin(issuer) != _origin(str(description.get("jwks_uri") or "")):
            # Else a server could vouch, by keys of its own, for people of any other issuer.
            raise _unusable("names keys that are not at the address of its issuer")
        if self._provider is None or self._provider.settings.oidc_issuer != issuer:
            settings = self._described.settings.model_copy(update={"oidc_issuer": issuer})
            self._provider = _Issuer(settings, self._described)
        self._provider.check_endpoints()
        return self._provider

    def read(self, reference: str, access_token: str) -> dict[str, Any]:
        """A resource of the server. Raises NotAccepted, NotConfigured."""
        headers = {"Authorization": f"Bearer {access_token}"}
        found = self._described.resource(f"{self.iss}/{reference}", headers)
        if f"{found.get('resourceType')}/{found.get('id')}" != reference:
            raise NotAccepted("the server gave another resource than was asked for")
        return found


class _Description(Provider):
    """What the server says of itself, kept as a provider's is."""

    def _describe(self) -> dict[str, Any]:
        return self._json("GET", f"{self.settings.oidc_issuer}{_WELL_KNOWN}")

    def resource(self, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return self._json("GET", url, headers={**headers, "Accept": "application/fhir+json"})


class _Issuer(Provider):
    """The issuer that the description names, with the endpoints of the description."""

    def __init__(self, settings: Settings, described: _Description) -> None:
        super().__init__(settings)
        self._described = described
        self._issuer_itself = Provider(settings)

    def check_endpoints(self) -> None:
        """Ask the issuer itself (OpenID Connect Discovery 1.0). Raises NotConfigured.

        Else a server could name another one's issuer and send people there, to be given the code
        with which it signs in as they (RFC 9700 4.4).
        """
        own = self._issuer_itself.description()
        for name in _ENDPOINTS:
            if own.get(name) != self.description().get(name):
                raise _unusable(f"names another {name} than its issuer does")

    def description(self) -> dict[str, Any]:
        return self._described.description()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _unusable(what: str) -> NotConfigured:
    return NotConfigured(
        f"The system that launches the viewer {what}.",
        remedy="An administrator checks MEDIVIEW_SMART_SERVERS and that system.",
    )

"""Systems that know all IDs of a patient (IHE PIX), and who patients are (IHE PDQ)."""

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from storage.core.untrusted_input.host_names import HOST_NAMES, is_host_name

_SCHEMES = ("mllp", "mllps", "http", "https")
_FORM = "mllp://HOST:PORT, mllps://HOST:PORT, or the https:// address of a FHIR server"


class PatientIdentitySettings(BaseModel):
    pix_url: str = Field(
        "",
        max_length=2000,
        description=f"Who says which IDs are of one patient: {_FORM}. Empty: nobody is asked.",
    )
    pdq_url: str = Field(
        "", max_length=2000, description=f"Where patients are looked up: {_FORM}. Empty: nowhere."
    )
    pix_application: str = Field(
        "",
        max_length=200,
        description="APPLICATION^FACILITY of that system, for MSH-5 and MSH-6 of questions to it.",
    )
    pdq_application: str = Field("", max_length=200, description="The same for PDQ.")
    pix_senders: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="MSH-3 of systems whose ADT A31 names all IDs of a patient (ITI-10), separated"
        " by commas: what they do not name any more is linked no more.",
    )
    patient_identity_authorization: SecretStr = Field(
        SecretStr(""),
        description="Authorization header for PIX and PDQ by FHIR, such as 'Bearer …', where both"
        " are of one server.",
    )

    @field_validator("pix_url", "pdq_url")
    @classmethod
    def _check_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if not value:
            return ""
        try:
            url = urlsplit(value)
            port = url.port
        except ValueError:
            url, port = urlsplit(""), None
        if url.scheme not in _SCHEMES or not url.hostname or "@" in url.netloc:
            raise ValueError(f"the address is none that can be asked; write {_FORM}")
        if url.scheme.startswith("mllp") and not port:
            raise ValueError(f"the address has no port; write {_FORM}")
        if not is_host_name(url.hostname):
            raise ValueError(f"the host of the address is not {HOST_NAMES}")
        return value

    @field_validator("pix_senders", mode="before")
    @classmethod
    def _parse_pix_senders(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(one.strip() for one in value.split(",") if one.strip())

    @model_validator(mode="after")
    def _check_secret(self) -> Self:
        plain = [one for one in (self.pix_url, self.pdq_url) if one.startswith("http://")]
        if self.patient_identity_authorization.get_secret_value() and any(
            (urlsplit(one).hostname or "") not in ("127.0.0.1", "::1", "localhost") for one in plain
        ):
            raise ValueError(
                "patient_identity_authorization would travel unencrypted; use https:// for pix_url"
                " and pdq_url"
            )
        by_fhir = {
            (url.scheme, url.hostname, url.port)
            for url in map(urlsplit, (self.pix_url, self.pdq_url))
            if url.scheme in ("http", "https")
        }
        if self.patient_identity_authorization.get_secret_value() and len(by_fhir) > 1:
            raise ValueError(
                "MEDIVIEW_PATIENT_IDENTITY_AUTHORIZATION is of one server, and MEDIVIEW_PIX_URL and"
                " MEDIVIEW_PDQ_URL are of two, of which each would be given it; ask one server for"
                " both by FHIR, or one of them by HL7 (mllps://)"
            )
        return self

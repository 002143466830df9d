"""The Hugging Face models by task, and the bounds of what they write."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

HF_MODELS = (
    "hf_report_model",
    "hf_summ_model",
    "hf_vqa_model",
    "hf_dqa_model",
    "hf_img_cls_model",
    "hf_img_seg_model",
    "hf_deid_model",
    "hf_nli_model",
)
"""The settings that name a model, in the order in which they are listed."""


class LanguageSettings(BaseModel):
    """A model is a local folder, or `owner/name@commit` of the Hugging Face hub."""

    hf_report_model: str = Field(
        "", validation_alias="HF_REPORT_MODEL", description="Drafts reports: images and text in."
    )
    hf_summ_model: str = Field(
        "",
        validation_alias="HF_SUMM_MODEL",
        description="Summarises: sequence to sequence, causal.",
    )
    hf_vqa_model: str = Field(
        "", validation_alias="HF_VQA_MODEL", description="Answers questions about an image."
    )
    hf_dqa_model: str = Field(
        "", validation_alias="HF_DQA_MODEL", description="Answers questions about a page."
    )
    hf_img_cls_model: str = Field(
        "", validation_alias="HF_IMG_CLS_MODEL", description="Labels a PNG or JPEG."
    )
    hf_img_seg_model: str = Field(
        "", validation_alias="HF_IMG_SEG_MODEL", description="Segments a PNG or JPEG."
    )
    hf_deid_model: str = Field(
        "", validation_alias="HF_DEID_MODEL", description="Finds names and numbers in text."
    )
    hf_nli_model: str = Field(
        "",
        validation_alias="HF_NLI_MODEL",
        description="Entailment: may withhold what the guard's rules let pass.",
    )
    hf_api_token: SecretStr = Field(
        SecretStr(""), validation_alias="HF_API_TOKEN", description="For gated models of the hub."
    )
    hf_home: Path | None = Field(
        None, validation_alias="HF_HOME", description="Where the hub's files are kept."
    )
    hf_hub_offline: bool = Field(
        False, validation_alias="HF_HUB_OFFLINE", description="Ask the hub for nothing."
    )
    hf_trust_remote_code: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="HF_TRUST_REMOTE_CODE",
        description="Whose own code may run: models with their commit, and of local folders the"
        " digest that the refusal names; empty: none.",
    )
    language_wait_s: float = Field(
        20.0, gt=0, description="How long a question is waited for; then its job is answered."
    )
    language_quantization: Literal["none", "int8", "nf4"] = Field(
        "none",
        description="In how many bits a GPU has the weights of models that write: 8 or 4, by"
        " bitsandbytes; none: as they are saved.",
    )
    language_device_map: Literal["one", "auto"] = Field(
        "one",
        description="auto: over all GPUs and memory, by accelerate; one: on the first GPU, else the"
        " CPU.",
    )
    language_max_new_tokens: int = Field(512, ge=1, le=8192)
    language_temperature: float = Field(0.0, ge=0, le=2, description="0: the same words each time.")
    language_deadline_s: float = Field(600.0, gt=0, description="An answer takes no longer.")
    passage_search: Literal["memory", "pgvector"] = Field(
        "memory",
        description="Where passages are searched: in each process, or in PostgreSQL by pgvector.",
    )
    document_max_pages: int = Field(20, ge=1, le=500, description="Read of one document.")

    @field_validator("hf_trust_remote_code", mode="before")
    @classmethod
    def _split_trusted(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

"""Where models lie, and the rules and reference values for them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field


class ModelSettings(BaseModel):
    rules_file: Path | None = Field(
        None, description="The site's rules (YAML); empty: rules.yaml in the data folder, if any."
    )
    reference_values: Path | None = Field(
        None, description="The site's own reference values (CSV or JSON), by age and sex."
    )
    lesion_matching_s: float = Field(
        120.0,
        ge=0,
        description="How long lesions may be compared with the study before; 0: never.",
    )
    models_dir: Path | None = Field(
        None, description="Folder of model packs; empty: models in the data folder."
    )
    model_keys: Path | None = Field(
        None,
        description="Folder of public keys (PEM); where it is set, no model is added that none of"
        " them signed.",
    )
    model_uploads: Literal["off", "signed", "any"] = Field(
        "off",
        description="Whether administrators may add models over HTTP: signed ones alone, or any.",
    )

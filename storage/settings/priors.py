"""How earlier studies are looked for in other archives, and fetched."""

from pydantic import BaseModel, Field


class PriorSettings(BaseModel):
    priors_at_once: int = Field(
        1,
        ge=1,
        le=32,
        description="Earlier studies that are fetched from one archive at the same time, by all"
        " processes together.",
    )
    prior_retry_base_s: float = Field(
        60.0,
        gt=0,
        description="Wait after an archive could not be asked, or a study not be fetched. It"
        " doubles with each further attempt.",
    )
    prior_retry_max_s: float = Field(3600.0, gt=0, description="The longest such wait.")
    prior_max_attempts: int = Field(
        20, ge=1, description="After so many it is given up, in sight of `mediview priors list`."
    )

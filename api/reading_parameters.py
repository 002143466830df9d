"""What the JSON of drawings, key images and edited masks may hold."""

from typing import Annotated

from pydantic import StringConstraints

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]
OptionalUid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{0,64}$")]
Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
    ),
]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^[^\x00-\x1f\\]*$")
]

"""What all parts of a policy have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

RuleName = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]*$", max_length=60)]
"""Name that a policy gives to a class of deadline, a duty, a schedule, a programme or a measure."""

TimeOfDay = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Local time such as 08:30."""


class Part(BaseModel):
    """A part of a policy; unknown settings are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NamedRule(Part):
    """A rule that people read by name. ``source`` is the row and the sentence it comes from."""

    name: RuleName
    name_en: str
    name_zh: str
    source: str

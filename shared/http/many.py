"""The body of a question about many members at once."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.ids import BODY


class ManyMembers(BaseModel):
    """Members that something is asked of at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"member_ids": ["mem_v6exiz6pzobhrhkmmurlr3jugy"]}},
    )

    member_ids: list[Annotated[str, Field(pattern=f"^mem_{BODY}$")]] = Field(
        min_length=1, max_length=200
    )

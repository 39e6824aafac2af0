"""HTTP models of the member tab."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.gateway.decoration.settings import Right
from services.gateway.tab.model import Code, Page, State


class TabReason(BaseModel):
    """Why a tab was rejected."""

    code: Code
    page: Page = Field(description="Where in the console it is put right")
    pointer: str = Field(description="Place in the decoration", examples=["/posters/0/link"])
    right: Right | None = Field(description="Which right cannot be had")


class TabState(BaseModel):
    """The tab of a program."""

    state: State
    submitted_by: str | None = Field(description="Who switched it on")
    submitted_at: datetime | None
    review_at: datetime | None = Field(description="When it is looked at, or was to be")
    decided_at: datetime | None
    reasons: list[TabReason] = Field(description="Why it was rejected")


class TabShown(BaseModel):
    """Whether a shop's page shows the tab."""

    visible: bool = Field(description="false: nothing at all is shown")
    href: str | None = Field(description="Path of the member centre")

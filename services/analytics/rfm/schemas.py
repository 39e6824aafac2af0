"""HTTP models of RFM, with examples."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.analytics.schemas import Money


class SegmentCount(BaseModel):
    """How many subjects a segment has."""

    segment: str
    subjects: int


class ScoredSubject(BaseModel):
    """One subject; scores and segment only where there are enough subjects to score."""

    subject_id: str
    recency_days: int = Field(description="Whole days from the last order to 00:00 of the date")
    orders: int
    net: Money
    r: int | None = Field(default=None, ge=1, le=5)
    f: int | None = Field(default=None, ge=1, le=5)
    m: int | None = Field(default=None, ge=1, le=5)
    segment: str | None = None


class RfmPage(BaseModel):
    """Segments of a date, and a page of the subjects by id."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "on": "2026-03-06",
                "method": "quintile",
                "net_of_refunds": True,
                "state": "too-few-subjects",
                "subjects": 1,
                "minimum": 25,
                "segments": [],
                "items": [
                    {
                        "subject_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
                        "recency_days": 1,
                        "orders": 3,
                        "net": {"amount_minor": 94980, "currency": "CNY"},
                    }
                ],
            }
        }
    )

    on: date
    method: Literal["quintile"]
    net_of_refunds: bool
    state: Literal["scored", "too-few-subjects"]
    subjects: int
    minimum: int = Field(description="Subjects below which there are no scores")
    segments: list[SegmentCount]
    items: list[ScoredSubject]
    next_page_token: str | None = Field(default=None, description="Absent on the last page")

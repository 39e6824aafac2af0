"""What a merchant may set of analytics. Versioned per program."""

from typing import Final

from pydantic import Field

from shared.settings.versions import Document, Settings


class AnalyticsSettings(Settings):
    """How figures are counted."""

    active_days: int = Field(
        default=90, ge=1, le=731, description="Who did anything in so many local days is active"
    )


DOCUMENT: Final = Document("analytics", AnalyticsSettings)

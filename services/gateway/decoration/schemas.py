"""HTTP models of pictures, with examples."""

from pydantic import BaseModel, Field


class Media(BaseModel):
    """A picture that was taken."""

    file: str = Field(
        description="Its name in documents",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.jpg"],
    )
    url: str = Field(description="Where everybody may see it")

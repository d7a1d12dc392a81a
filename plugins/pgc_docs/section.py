"""What the manifest may say about its documentation."""

from __future__ import annotations

from pydantic import Field

from pgc.fields import Part


class DocsSection(Part):
    """Generated documentation."""

    introduction: str = Field(
        "",
        description="A paragraph that opens the inventory page.",
        examples=["Orders of the web shop; the owner is team data."],
        max_length=2000,
    )

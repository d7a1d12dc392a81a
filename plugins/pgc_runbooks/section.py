"""What the manifest may say about runbooks."""

from __future__ import annotations

from pydantic import Field

from pgc.fields import Part


class RunbooksSection(Part):
    """Runbooks, one Markdown page a procedure."""

    contact: str = Field(
        "",
        description="Who is called, shown on every page; without it the cluster's owner.",
        examples=["+49 30 1234, team-data"],
        max_length=200,
    )
    chat: str = Field(
        "", description="Where an incident is talked about.", examples=["#incident-orders"], max_length=200
    )

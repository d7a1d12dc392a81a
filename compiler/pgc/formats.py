"""Formats that belong to no product: what systemd reads, and what people read."""

from __future__ import annotations

from pgc.artifact import Format
from pgc.bodies import encode_env
from pgc.readers import read_env, read_ini

UNIT = Format("systemd.unit", read_ini)
ENVIRONMENT = Format("systemd.env", read_env, encode_secret=encode_env)
MARKDOWN = Format("markdown", prose=True)
SVG = Format("svg", prose=True)

CORE_FORMATS = (UNIT, ENVIRONMENT, MARKDOWN, SVG)

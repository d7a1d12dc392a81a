"""Formats that belong to no product: what systemd reads, and what people read."""

from __future__ import annotations

from pgc.artifact import Format
from pgc.bodies import encode_env
from pgc.readers import read_env, read_ini, read_lines

UNIT = Format("systemd.unit", read_ini)
ENVIRONMENT = Format("systemd.env", read_env, encode_secret=encode_env)
SYSCTL = Format("systemd.sysctl", read_ini)
SYSUSERS = Format("systemd.sysusers", read_lines)
MODULES = Format("systemd.modules", read_lines)
MARKDOWN = Format("markdown", prose=True)
SVG = Format("svg", prose=True)

CORE_FORMATS = (UNIT, ENVIRONMENT, SYSCTL, SYSUSERS, MODULES, MARKDOWN, SVG)

"""The types of manifest fields: quantities with units, references to secrets, names that are safe everywhere.

A quantity is a string with its unit in the manifest and a plain number in Python: seconds for durations, bytes for sizes, a fraction for
shares. A bare number is refused, because nobody can tell what it counts.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from pgc.terms import Number, tidy

SECONDS: dict[str, Number] = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}
BYTES: dict[str, Number] = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
TOO_MUCH = 2**63
"""What no signed integer of 64 bits holds, in seconds or bytes; PostgreSQL and the products around it count in those."""
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-zµ%]*)\Z")


def _quantity(value: object, units: dict[str, Number], what: str, example: str) -> Number:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError(
            "wrong_type", "{what} is wanted, such as {example}", {"what": what, "example": example}
        )
    found = _QUANTITY.match(value) if isinstance(value, str) else None
    if not isinstance(value, str) or (found and not found[2]):
        raise PydanticCustomError(
            "unit_missing",
            "{given} has no unit; {what} is wanted",
            {"given": str(value), "what": what, "example": example},
        )
    if not found or found[2] not in units:
        near = next((unit for unit in units if found and unit.lower() == found[2].lower()), "")
        raise PydanticCustomError(
            "unit_unknown",
            "{given} is not {what} (units: {units})",
            {
                "given": value,
                "what": what,
                "units": ", ".join(units),
                "example": f"{found[1]}{near}" if near and found else example,
            },
        )
    amount = float(found[1]) * units[found[2]]
    if amount >= TOO_MUCH:
        raise PydanticCustomError(
            "out_of_range",
            "{given} is more than any program can count; {what} is wanted, such as {example}",
            {"given": value[:40], "what": what, "example": example},
        )
    return tidy(amount)


def parse_duration(value: object) -> Number:
    """Turn "30s" into 30 seconds. Raises PydanticCustomError: unit_missing, unit_unknown, wrong_type, out_of_range."""
    return _quantity(value, SECONDS, "a duration", "30s")


def parse_size(value: object) -> int:
    """Turn "16GB" into bytes, 1 kB being 1024 as in PostgreSQL. Raises PydanticCustomError as `parse_duration`."""
    return int(_quantity(value, BYTES, "a size", "16GB"))


def parse_share(value: object) -> float:
    """Turn "99.99%" into the fraction 0.9999. Raises PydanticCustomError as `parse_duration`, and out_of_range above 100 %."""
    share = float(_quantity(value, {"%": 0.01}, "a percentage", "99.9%"))
    if share > 1:
        raise PydanticCustomError("out_of_range", "{given} is more than 100 %", {"given": str(value)})
    return share


def parse_loss(value: object) -> str | int:
    """Turn "16MB" into bytes, and `none`, or nothing at all of any unit, into "none". Raises as `parse_size`."""
    if value == "none":
        return "none"
    if isinstance(value, str) and not _QUANTITY.match(value):
        raise PydanticCustomError(
            "wrong_type",
            "{what} is wanted, such as {example}",
            {"what": "`none` or an amount of WAL", "example": "16MB"},
        )
    return parse_size(value) or "none"


def show_duration(seconds: Number) -> str:
    """Write seconds the way a manifest would: 30s, 1.5s, 15min, 1h."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    if 0 < seconds < 1:
        return f"{tidy(seconds * 1000)}ms"
    return f"{tidy(seconds)}s"


def show_size(size: Number) -> str:
    """Write bytes the way a manifest would, in the largest unit that divides them: 16GB, 1536MB."""
    for unit, factor in reversed(BYTES.items()):
        if size >= factor and size % factor == 0:
            return f"{int(size // factor)}{unit}"
    return f"{int(size)}B"


def _matching(pattern: str, problem: str, example: str, most_bytes: int = 0) -> Any:
    compiled = re.compile(pattern)

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError(
                "wrong_type", "{what} is wanted, such as {example}", {"what": problem, "example": example}
            )
        if not compiled.fullmatch(value) or (most_bytes and len(value.encode()) > most_bytes):
            raise PydanticCustomError(
                "bad_name", "{given} is not {what}", {"given": value, "what": problem, "example": example}
            )
        return value

    return BeforeValidator(check)


def named(pattern: str, what: str, example: str, most_bytes: int = 0, **more: Any) -> Any:
    """Make the type of a text that matches a pattern as a whole; `what` says in words which texts those are."""
    schema = {"type": "string", "pattern": f"^(?:{pattern})$", "examples": [example], **more}
    return Annotated[str, _matching(pattern, what, example, most_bytes), WithJsonSchema(schema)]


def _quantity_type(kind: Any, parse: Any, show: Any, pattern: str, unit: str, example: str) -> Any:
    schema = {"type": "string", "pattern": pattern, "x-unit": unit, "examples": [example]}
    return Annotated[kind, BeforeValidator(parse), PlainSerializer(show, return_type=str), WithJsonSchema(schema)]


Duration = _quantity_type(
    int | float,
    parse_duration,
    show_duration,
    r"^[0-9]+(\.[0-9]+)? ?(us|ms|s|min|h|d)$",
    "seconds, written with a unit",
    "30s",
)
Size = _quantity_type(
    int, parse_size, show_size, r"^[0-9]+(\.[0-9]+)? ?(B|kB|MB|GB|TB)$", "bytes, written with a unit", "16GB"
)
Share = _quantity_type(
    float, parse_share, lambda share: f"{tidy(share * 100)}%", r"^[0-9]+(\.[0-9]+)? ?%$", "percent", "99.9%"
)

Loss = Annotated[
    str | int,
    BeforeValidator(parse_loss),
    PlainSerializer(lambda value: value if isinstance(value, str) else show_size(value), return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "none"},
                {
                    "type": "string",
                    "pattern": r"^[0-9]+(\.[0-9]+)? ?(B|kB|MB|GB|TB)$",
                    "x-unit": "bytes, written with a unit",
                },
            ]
        }
    ),
]

HostName = named(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a host name (at most 63 lower-case letters, digits, hyphens)", "pg1"
)
ClusterName = named(
    r"[a-z]([a-z0-9-]{0,46}[a-z0-9])?", "a cluster's name (at most 48 lower-case letters, digits, hyphens)", "orders"
)
Word = named(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", "one word (letters, digits, `_`, `.`, `-`)", "zone-a")
SqlName = named(
    r"[^\x00-\x1f\x7f]{1,63}", "an SQL name (1 to 63 bytes, no control characters)", "orders", most_bytes=63
)
ParameterName = named(
    r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?",
    "a parameter's name (one of an extension's has a dot)",
    "work_mem",
)
FilePath = named(r"/[A-Za-z0-9_./@+:-]*", "an absolute path (letters, digits, `_./@+:-`)", "/var/lib/postgresql")
SecretRef = named(
    r"(?:file|env|vault|sops):[A-Za-z0-9_./@#:~-]+",
    "a reference to a secret",
    "file:secrets/superuser",
    **{"x-secret": True},
)
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


def _address(value: object) -> str:
    return _internet(value, ipaddress.ip_address, "an IP address", "10.0.0.11")


def _network(value: object) -> str:
    return _internet(value, ipaddress.ip_network, "a network", "10.0.0.0/24")


def _internet(value: object, parse: Any, what: str, example: str) -> str:
    """Write an address in its usual form. A zone (`fe80::1%eth0`) is refused: any text fits, and it holds on one host only."""
    if not isinstance(value, str):
        raise PydanticCustomError(
            "wrong_type", "{what} is wanted, such as {example}", {"what": what, "example": example}
        )
    try:
        if "%" not in value:
            return str(parse(value))
    except ValueError:
        pass
    raise PydanticCustomError("bad_name", "{given} is not {what}", {"given": value, "what": what, "example": example})


Address = Annotated[
    str,
    BeforeValidator(_address),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.11"], "description": "IPv4 or IPv6"}),
]
Network = Annotated[str, BeforeValidator(_network), WithJsonSchema({"type": "string", "examples": ["10.0.0.0/24"]})]


class InputFile(str):
    """A file that the manifest names, relative to its folder; the core reads it into `site.files`."""

    __slots__ = ()
    pattern: ClassVar[str] = r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[A-Za-z0-9_./@+-]+"


FileName = Annotated[
    str,
    _matching(InputFile.pattern, "a path below the manifest's folder", "sql/schema.sql"),
    AfterValidator(InputFile),
    WithJsonSchema({"type": "string", "pattern": f"^{InputFile.pattern}$", "examples": ["sql/schema.sql"]}),
]


class Part(BaseModel):
    """A piece of the manifest: frozen, and strict about names and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Section(Part):
    """A plugin's section. `raw` goes to the product as it is."""

    raw: dict[str, Any] = Field(
        default_factory=dict,
        description="Settings that pgc does not know, passed to the product as they are. Reported; their impact is unknown.",
        examples=[{"a_setting_of_the_product": "its value"}],
    )

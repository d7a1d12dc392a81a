"""What each PostgreSQL major knows of its parameters, and values read and written the way the server does.

The facts were read from real servers by `read_catalogue.py`, which also says how: one JSON file a major. `context` is
the authority on what a change costs: `postmaster` a restart, `sighup` a reload.

`parse_value` follows parse_int, parse_real, parse_bool, convert_to_base_unit and config_enum_lookup_by_name of
PostgreSQL's guc.c, and `format_value` its ShowGUCOption; tests compare both with servers. What is left to the server:
a string's own syntax (DateStyle, TimeZone, synchronous_standby_names), and checks across parameters or of the host.
"""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

MAJORS = (15, 16, 17, 18)

Vartype = Literal["bool", "enum", "integer", "real", "string"]
Context = Literal["internal", "postmaster", "sighup", "superuser-backend", "backend", "superuser", "user"]
Reason = Literal["type", "unit", "range", "enum"]
Canonical = int | float | bool | str


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One row of pg_settings, and what pg_settings does not tell.

    `min` and `max` count base units (`unit`, such as 8kB or ms). `aliases` pairs the spellings of an enum that are
    unlisted, or shown as another, with what the server shows. `list_kind` is `quoted` where the items are SQL
    identifiers, `plain` for other lists. `in_file` is False where no postgresql.conf may set it. `library` defines it,
    None for the server itself. `build` says that default, bounds, enum values or existence follow from how the server
    was built. `after` is a minor release known to lack the parameter. `borrowed_from` names the majors that the facts
    come from when no server of this one told them.
    """

    name: str
    vartype: Vartype
    context: Context
    unit: str | None
    min: float | None
    max: float | None
    enumvals: tuple[str, ...]
    boot_val: str | None
    category: str
    short_desc: str
    library: str | None
    aliases: tuple[tuple[str, str], ...]
    list_kind: Literal["quoted", "plain"] | None
    in_file: bool
    flags: tuple[str, ...]
    build: bool
    after: str | None
    borrowed_from: str | None


class _Parameters(Mapping[str, ParameterSpec]):
    """The parameters by name, each built from its JSON when first asked for."""

    __slots__ = ("_raw", "_specs")

    def __init__(self, raw: dict[str, dict[str, Any]]) -> None:
        self._raw = raw
        self._specs: dict[str, ParameterSpec] = {}

    def __getitem__(self, name: str) -> ParameterSpec:
        spec = self._specs.get(name)
        if spec is None:
            spec = self._specs[name] = _spec(name, self._raw[name])
        return spec

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All parameters of one major, and the extensions that its server could create (name to default version)."""

    major: int
    server_version: str
    parameters: Mapping[str, ParameterSpec]
    extensions: Mapping[str, str]
    renamed: Mapping[str, str]

    def find(self, name: str) -> ParameterSpec | None:
        """Return the parameter that the server takes this name for: in any case, or by a former name; else None."""
        if name in self.parameters:
            return self.parameters[name]
        folded = name.lower()
        if folded in self.renamed:
            return self.parameters[self.renamed[folded]]
        return next((self.parameters[known] for known in self.parameters if known.lower() == folded), None)


@cache
def load(major: int) -> Catalogue:
    """Return the catalogue of a major.

    Raises:
        ValueError: there is none.
    """
    if major not in MAJORS:
        raise ValueError(f"there is no catalogue of PostgreSQL {major}, only of {', '.join(map(str, MAJORS))}")
    raw = json.loads((Path(__file__).parent / f"postgresql-{major}.json").read_bytes())
    return Catalogue(
        major=raw["major"],
        server_version=raw["server_version"],
        parameters=_Parameters(raw["parameters"]),
        extensions=MappingProxyType(raw["extensions"]),
        renamed=MappingProxyType(raw["renamed"]),
    )


def _spec(name: str, raw: dict[str, Any]) -> ParameterSpec:
    top = raw.get("max")
    return ParameterSpec(
        name=name,
        vartype=raw["type"],
        context=raw["context"],
        unit=raw.get("unit"),
        min=raw.get("min"),
        max=sys.float_info.max if top == 1.79769e308 else top,  # pg_settings shows six digits of DBL_MAX
        enumvals=tuple(raw.get("values", ())),
        boot_val=raw.get("boot"),
        category=raw.get("category", "Customized Options"),
        short_desc=raw.get("desc", ""),
        library=raw.get("library"),
        aliases=tuple(raw.get("aliases", {}).items()),
        list_kind=raw.get("list"),
        in_file=raw.get("in_file", True),
        flags=tuple(raw.get("flags", ())),
        build=raw.get("build", False),
        after=raw.get("after"),
        borrowed_from=raw.get("from"),
    )


def nearest(name: str, catalogue: Catalogue) -> list[str]:
    """Return up to three parameters that a mistyped name may have meant, the likeliest first."""
    from difflib import get_close_matches  # only on the way to an error

    folded = name.strip().lower().replace("-", "_")
    if (meant := catalogue.find(folded)) is not None:
        return [meant.name]
    spellings = {known.lower(): known for known in catalogue.parameters}
    return [spellings[match] for match in get_close_matches(folded, spellings, n=3, cutoff=0.75)]


# Values: units

MEMORY_BYTES = {"TB": 1 << 40, "GB": 1 << 30, "MB": 1 << 20, "kB": 1 << 10, "B": 1}
TIME_US = {"d": 86_400_000_000, "h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
FOREIGN_UNITS = {
    "B": "b byte bytes", "kB": "k kb kib", "MB": "m mb mib", "GB": "g gb gib", "TB": "t tb tib",
    "us": "us usec µs", "ms": "ms msec msecs millis", "s": "s sec secs second seconds",
    "min": "m min mins minute minutes", "h": "h hr hrs hour hours", "d": "d day days",
}  # fmt: skip
OCTAL = frozenset({"data_directory_mode", "log_file_mode", "unix_socket_permissions"})
FORMERLY_BOOL = frozenset({"log_connections"})
"""Strings that took a boolean in an earlier major, and still do (18 made log_connections a list)."""
SLRU_BUFFERS = frozenset({
    "commit_timestamp_buffers", "multixact_member_buffers", "multixact_offset_buffers", "notify_buffers",
    "serializable_buffers", "subtransaction_buffers", "transaction_buffers",
})  # fmt: skip
"""Caches that the server (17 and later) wants in whole banks of 16 blocks."""
LONGEST_NUMBER = 1000
"""Characters; Python itself refuses to read an integer of more than 4300 digits, with an error of its own."""
C_SPACE = " \t\n\v\f\r"


class ValueRefused(ValueError):
    """PostgreSQL would refuse the value. The text states the fault; `help` is the way out, and may be empty."""

    def __init__(self, reason: Reason, fault: str, help: str = "") -> None:
        super().__init__(fault)
        self.reason: Reason = reason
        self.help = help


@cache
def _multipliers(base: str) -> dict[str, float]:
    """Return how many base units each unit is worth, largest first, as guc.c's two tables have them."""
    if base in TIME_US:
        sizes, one = TIME_US, TIME_US[base]
    else:
        count = base.rstrip("BkMGT")  # the 8 of 8kB
        sizes, one = MEMORY_BYTES, int(count or 1) * MEMORY_BYTES[base[len(count) :]]
    return {unit: size / one if size >= one else 1.0 / (one / size) for unit, size in sizes.items()}


def _rint(value: float) -> float:
    return float(round(value)) if math.isfinite(value) else value


def _to_base(value: float, unit: str, base: str) -> float | None:
    """Return the value in base units, rounded to the next smaller unit as guc.c does; None for an unknown unit."""
    worths = _multipliers(base)
    if unit not in worths:
        return None
    converted = value * worths[unit]
    smaller = next((worth for worth in worths.values() if worth < worths[unit]), None)
    return converted if smaller is None else _rint(converted / smaller) * smaller


# Values: reading

INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
FLOAT = re.compile(
    r"[+-]?(?:(?P<hex>0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?)"
    r"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)",
    re.IGNORECASE,
)


def _number(text: str, whole: bool) -> tuple[float, str] | None:
    """Return the number that the text starts with and the rest, or None: C's strtol (base 0), then strtod."""
    body = text.lstrip(C_SPACE)
    if len(body) > LONGEST_NUMBER:
        return None
    if whole:
        match = INTEGER.match(body)
        rest = body[match.end() :] if match else text
        if match and rest[:1] not in (".", "e", "E") and abs(number := _c_integer(match.group())) < 1 << 63:
            return float(number), rest
        if not match and rest[:1] != ".":
            return None
    match = FLOAT.match(body)
    if not match:
        return None
    try:
        value = float.fromhex(match.group()) if match["hex"] else float(match.group())
    except OverflowError:
        return None
    digits = re.split("[ep]" if not match["hex"] else "p", match.group().lower())[0]
    overflow = math.isinf(value) and "inf" not in digits
    underflow = abs(value) < sys.float_info.min and re.search("[1-9a-f]", digits.replace("0x", ""))
    return None if math.isnan(value) or overflow or underflow else (value, body[match.end() :])


def _c_integer(digits: str) -> int:
    bare = digits.lstrip("+-")
    base = 16 if bare[:2] in ("0x", "0X") else 8 if bare[0] == "0" else 10
    return int(digits, base)


def parse_value(spec: ParameterSpec, value: object) -> Canonical:
    """Return a manifest's value as PostgreSQL would hold it: numbers in the parameter's base unit.

    An integer or a real takes a number (a bare one counts base units) or text with a unit, such as '16GB'; bounds are
    checked after rounding. A bool takes a bool, or on, off, true, false, yes, no, 1, 0 and their unique prefixes. An
    enum's spelling becomes the one that the server shows. A string is returned as it is.

    Raises:
        ValueRefused: wrong type, unknown unit, out of range, or no value of the enum.
    Source: PostgreSQL, src/backend/utils/misc/guc.c: parse_and_validate_value.
    """
    if isinstance(value, bool):
        text = "on" if value else "off"
    elif isinstance(value, int | float | str):
        text = str(value)
    else:
        kind = "null" if value is None else type(value).__name__
        raise ValueRefused("type", f"{spec.name} takes {_wanted(spec)}, not {kind}")
    if "\0" in text:
        raise ValueRefused("type", f"{spec.name} holds a NUL character, which no parameter can")
    match spec.vartype:
        case "bool":
            return _parse_bool(spec, text)
        case "enum":
            return _parse_enum(spec, text)
        case "string":
            if isinstance(value, float) or (isinstance(value, bool) and spec.name not in FORMERLY_BOOL):
                raise ValueRefused("type", f"{spec.name} takes text, not {text}", f"put it in quotes: '{text}'")
            return text
        case _:
            return _parse_number(spec, text)


def _parse_bool(spec: ParameterSpec, text: str) -> bool:
    folded = text.lower()
    if folded in ("1", "0"):
        return folded == "1"
    words = [word for word in ("true", "false", "yes", "no", "on", "off") if word.startswith(folded)]
    if len(words) != 1:
        raise ValueRefused("type", f"{spec.name} takes {_wanted(spec)}, not {text!r}")
    return words[0] in ("true", "yes", "on")


def _parse_enum(spec: ParameterSpec, text: str) -> str:
    folded = text.lower()
    known = {word.lower(): word for word in spec.enumvals} | dict(spec.aliases)
    if folded not in known:
        raise ValueRefused("enum", f"{spec.name} is {text!r}, which is none of its values", f"it takes {_wanted(spec)}")
    return known[folded]


def _parse_number(spec: ParameterSpec, text: str) -> int | float:
    whole = spec.vartype == "integer"
    read = _number(text, whole)
    if read is None:
        raise ValueRefused("type", f"{spec.name} takes {_wanted(spec)}, not {text!r}")
    number, unit = read[0], read[1].strip(C_SPACE)
    if unit and spec.unit is None:
        fault = f"{spec.name} is {text!r}, but takes a number without a unit"
        raise ValueRefused("unit", fault, "leave the unit away")
    if unit and spec.unit:
        converted = _to_base(number, unit, spec.unit)
        if converted is None:
            fault = f"{spec.name} is {text!r}, and {unit} is no unit of it"
            raise ValueRefused("unit", fault, _unit_help(spec.unit, unit))
        number = converted
    if whole:
        number = _rint(number)
    if wanted := _bounds_missed(spec, number):
        raise ValueRefused("range", f"{spec.name} is {text}, not {wanted}", _range_help(spec, text))
    return int(number) if whole else number


def _bounds_missed(spec: ParameterSpec, number: float) -> str:
    """Return which values the parameter takes if this is none of them, else nothing."""
    low, high = -math.inf if spec.min is None else spec.min, math.inf if spec.max is None else spec.max
    if not low <= number <= high:
        return (
            f"{_human(spec, low)} or more"
            if high >= sys.float_info.max
            else (f"between {_human(spec, low)} and {_human(spec, high)}")
        )
    # What the server checks beyond the bounds, and refuses to start with.
    if spec.name in SLRU_BUFFERS and number % 16:
        return "a multiple of 16 blocks (128kB)"
    if spec.name == "vacuum_buffer_usage_limit" and 0 < number < 128:
        return "0, or 128kB or more"
    if spec.name == "io_max_concurrency" and number == 0:
        return "-1, or 1 or more"
    return ""


def _wanted(spec: ParameterSpec) -> str:
    match spec.vartype:
        case "bool":
            return "on or off"
        case "enum":
            return ", ".join(repr(word) if " " in word or not word else word for word in spec.enumvals)
        case "string":
            return "text"
    number = "a whole number" if spec.vartype == "integer" else "a number"
    return f"{number}, or one with a unit ({', '.join(reversed(_multipliers(spec.unit)))})" if spec.unit else number


def _unit_help(base: str, unit: str) -> str:
    known = _multipliers(base)
    meant = next((name for name in known if unit.lower() in FOREIGN_UNITS[name].split()), None)
    if meant is None:
        return f"its units are {', '.join(reversed(known))}"
    case = ": units are case-sensitive" if unit.lower() == meant.lower() else ""
    return f"write {meant} instead of {unit}{case}"


def _range_help(spec: ParameterSpec, text: str) -> str:
    if spec.name in OCTAL:
        return "a file mode is octal: write it in quotes with a leading 0, such as '0640'"
    if spec.unit is None or not text.isdecimal() or int(text) == 0:
        return ""
    return f"a bare number counts {spec.unit}: {text} means {bare_number_means(spec, int(text))}"


# Values: writing


def format_value(spec: ParameterSpec, canonical: Canonical) -> str:
    """Return a canonical value as SHOW prints it: '4GB', '30s', 'on', '0600'; not quoted for a file.

    The largest unit that leaves no fraction is taken; 0 and negative numbers, which are special, go without a unit.
    A real keeps all its digits, of which SHOW prints six.
    Source: PostgreSQL, src/backend/utils/misc/guc.c: ShowGUCOption, convert_int_from_base_unit.
    """
    if spec.vartype == "bool":
        return "on" if canonical else "off"
    if isinstance(canonical, str):
        return canonical
    if spec.name in OCTAL:
        return f"{canonical:04o}"
    if spec.unit is None or canonical <= 0:
        return _plain(canonical)
    whole = spec.vartype == "integer"
    worths = _multipliers(spec.unit)
    unit = next((unit for unit, worth in worths.items() if _fits(canonical, worth, whole)), [*worths][-1])
    number = canonical / worths[unit]
    return f"{_plain(_rint(number) if _fits(canonical, worths[unit], whole) else number)}{unit}"


def _fits(canonical: float, worth: float, whole: bool) -> bool:
    """Tell whether the value is a whole multiple of a unit; guc.c forgives a real the noise of its arithmetic."""
    if whole:
        return worth <= 1.0 or canonical % worth == 0
    number = canonical / worth
    return abs(_rint(number) / number - 1.0) <= 1e-8


def bare_number_means(spec: ParameterSpec, n: int | float) -> str:
    """Return what a number without a unit comes to: 16 for shared_buffers is '16 × 8kB = 128kB'.

    Zero, negative numbers (special values) and parameters without a unit give the number alone.
    """
    if spec.unit is None or n <= 0:
        return _plain(n)
    counted = f"{_plain(n)} × {spec.unit}" if spec.unit[0].isdigit() else f"{_plain(n)}{spec.unit}"
    shown = format_value(spec, n)
    return counted if shown == counted else f"{counted} = {shown}"


def _plain(number: float) -> str:
    """Return a number without needless digits: floats round-trip, and whole ones go without a point."""
    if isinstance(number, int):
        return str(number)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _human(spec: ParameterSpec, bound: float) -> str:
    """Return a bound for a message: exact, and with a rounded size behind when its digits say little."""
    exact = format_value(spec, int(bound) if spec.vartype == "integer" else bound)
    if spec.unit is None or bound < 1_000_000:
        return exact
    unit, worth = next((unit, worth) for unit, worth in _multipliers(spec.unit).items() if bound >= worth)
    return exact if exact.endswith(unit) else f"{exact} (about {bound / worth:.3g}{unit})"

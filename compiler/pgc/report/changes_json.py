"""Changes for other programs: one JSON document (schemas/diff.schema.json)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pgc.change.changes import Change, Scope, Why

DIFF_VERSION = 1


def as_json(changes: Sequence[Change], *, base: str = "", why: Why | None = None) -> str:
    """Write one JSON document. `base` says what the working tree was compared with."""
    document = {
        "format_version": DIFF_VERSION,
        "base": base,
        "effects": "not-judged",
        "counts": {scope.value: sum(change.scope is scope for change in changes) for scope in Scope},
        "changes": [_as_json(change, why) for change in changes],
    }
    return json.dumps(document, indent=1) + "\n"


def _as_json(change: Change, why: Why | None) -> dict[str, Any]:
    return {
        "cluster": change.cluster, "environment": change.environment,
        "scope": change.scope.value, "kind": change.kind.value,
        "location": change.location, "plugin": change.plugin, "format": change.format, "consumer": change.consumer,
        "setting": change.setting, "old": change.old, "new": change.new,
        "old_line": change.old_line or None, "new_line": change.new_line or None,
        "hosts": list(change.hosts), "files": change.count, "unknown": change.unknown or None,
        "lines_added": change.lines[0], "lines_removed": change.lines[1],
        "why": why(change) if why else None,
    }

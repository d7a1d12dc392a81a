"""Random manifests: instances of the schema, and values grafted onto a manifest that compiles. A seed gives always the same ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tests.hardening.hostile import HOSTILE
from tests.hardening.shape import KEY, Node, Place, Shape, standin

TEXTS = (
    *HOSTILE.values(),
    *("16", "16GB", "16gb", "16 GB", "1h", "1.5s", "100%", "101%", "-1s", "1e3s", "30 s", "::1", "10.0.0.1/33"),
    *("fe80::1%eth0", "0s", "0B", "0%", "0.0000001s", "1us", "99999999999TB", "9" * 400 + "s", "9" * 400 + "GB"),
)
NUMBERS = (0, 1, -1, 2**31, 2**63, 2**64, 10**30, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"))
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": None}, [None])


class Generator:
    """Makes values; `faults` is the chance that one does not fit the schema."""

    def __init__(self, shape: Shape, rng: random.Random, faults: float) -> None:
        self.shape, self.rng, self.faults = shape, rng, faults

    def manifest(self) -> Any:
        """Return a manifest made of nothing but the schema."""
        return self.value(self.shape.schema)

    def graft(self, manifest: Any, times: int) -> Any:
        """Return the manifest with values that the schema allows (mostly) in some places."""
        for _ in range(times):
            place = self.rng.choice(self.shape.places)
            manifest = self.shape.put(
                manifest, place.steps, self.text(place) if place.steps[-1] == KEY else self.value(place.node)
            )
        return manifest

    def text(self, place: Place) -> str:
        return self.rng.choice(TEXTS) if self.rng.random() < self.faults else str(self.shape.smallest(place.node))

    def value(self, node: Node, depth: int = 0) -> Any:
        """Return a value for a schema."""
        if self.rng.random() < self.faults:
            return self.wrong(node)
        branch = self.rng.choice(self.shape.alternatives(node))
        if "const" in branch or "enum" in branch:
            return branch.get("const", self.rng.choice(branch.get("enum", [None])))
        kind = branch.get("type")
        if kind == "object":
            return self.mapping(branch, depth)
        if kind == "array":
            least = branch.get("minItems", 0)
            return [
                self.value(branch.get("items", {}), depth + 1) for _ in range(self.rng.randint(least, max(least, 3)))
            ]
        return self.scalar(branch)

    def mapping(self, node: Node, depth: int) -> dict[str, Any]:
        required = node.get("required", ())
        chance = 0.3 if depth else 0.6
        found = {
            name: self.value(child, depth + 1)
            for name, child in node.get("properties", {}).items()
            if (name in required or self.rng.random() < chance) and (depth or name != "environments")
        }
        children = self.shape.children(node)
        for number in range(self.rng.randint(node.get("minProperties", 0), 3) if KEY in children else 0):
            key = self.rng.choice((f"pg{number + 1}", "orders", "orders_app", str(standin(children[KEY]))))
            found[key] = self.value(children["*"], depth + 1)
        if node.get("additionalProperties") is True and self.rng.random() < 0.2:
            found[self.rng.choice(("global", "defaults", "local", "dynamic", "work_mem", "x"))] = self.anything()
        return found

    def scalar(self, node: Node) -> Any:
        kind = node.get("type")
        if kind in ("integer", "number"):
            low, high = node.get("minimum", -10), node.get("maximum", 10_000)
            return self.rng.choice(
                (low, high, self.rng.randint(int(low), int(high)), *self.examples(node, int | float))
            )
        if kind == "string":
            free = not node.get("pattern") and not self.examples(node, str)
            return self.rng.choice((*self.examples(node, str), str(standin(node)), *(TEXTS if free else ())))
        return self.rng.choice((True, False)) if kind == "boolean" else None if kind == "null" else self.anything()

    def wrong(self, node: Node) -> Any:
        """Return something that the schema does not want, or hardly."""
        branch = self.rng.choice(self.shape.alternatives(node))
        kind = branch.get("type")
        if kind in ("integer", "number") and self.rng.random() < 0.6:
            return self.rng.choice((branch.get("minimum", 0) - 1, branch.get("maximum", 0) + 1, *NUMBERS))
        if kind == "string" and self.rng.random() < 0.7:
            example = str((self.examples(branch, str) or ["word"])[0])
            return self.rng.choice((*TEXTS, example + "\n", example[:-1], example.upper(), example * 70))
        if kind == "object" and self.rng.random() < 0.6:
            return self.mapping(branch, 1) | {self.rng.choice(("unknown", "versoin", *TEXTS)): self.anything()}
        return self.anything()

    def anything(self) -> Any:
        return self.rng.choice((*OTHERS, *NUMBERS, *TEXTS))

    def examples(self, node: Mapping[str, Any], kind: Any) -> list[Any]:
        return [each for each in node.get("examples", ()) if isinstance(each, kind) and not isinstance(each, bool)]

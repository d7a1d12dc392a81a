"""Where the products run for `pgc validate`: here, or in a container."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pgc.hookspecs import Validator
from pgc.verify.running import Runner


def runner_for(validators: Sequence[Validator], *, docker: bool, image: str) -> Runner:
    """Return the runner. Raises pgc.verify.running.Impossible: the engine is missing or refuses."""
    if not docker:
        from pgc.verify.local import LocalRunner

        return LocalRunner()
    from pgc.verify.container import ContainerRunner

    return ContainerRunner(validators, image, tell=lambda line: print(line, file=sys.stderr, flush=True))

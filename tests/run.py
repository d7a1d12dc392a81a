"""Run every test, and say at the end what was skipped and why.

The full run has more examples than a run of pytest by hand (PGC_FULL=1). It goes through pytest-xdist where there is more than one core.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Lint and layers first, because they are quick; then the tests."""
    environment = {**os.environ, "PGC_FULL": "1", "PYTHONHASHSEED": "random", "PYTHONUTF8": "1"}
    bin_folder = Path(sys.executable).parent
    steps = [
        [str(bin_folder / "ruff"), "check", "compiler", "plugins", "tests", "bench"],
        [str(bin_folder / "lint-imports"), "--no-cache"],
        [str(bin_folder / "mypy"), "compiler/pgc", "plugins"],
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            str(os.cpu_count() or 1),
            "--dist",
            "loadgroup",
            "--junitxml=.pytest_cache/junit.xml",
        ],
    ]
    for step in steps:
        print("$", " ".join(Path(part).name if part.startswith("/") else part for part in step), flush=True)
        done = subprocess.run(step, cwd=ROOT, env=environment, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())

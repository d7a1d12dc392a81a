"""An image that has the validators' tools: built on first use from their Debian packages.

Its base is debian:trixie-slim: the one that is there, or pulled, or, where no registry answers, made by debootstrap
under that same name.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pgc.hookspecs import Validator
from pgc.verify.running import Impossible, last_words

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]

BASE = "debian:trixie-slim"
SUITE = "trixie"
REPOSITORY = "pgc-validators"
BUILD_TIMEOUT_S = 1800
NEEDED = ("iproute2", "util-linux")

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")


def dockerfile(validators: Iterable[Validator]) -> str:
    """Return the Dockerfile of an image that can run these validators; no service starts while it is built.

    What the distribution lacks (other majors of PostgreSQL) is left out: its validators then say that the tool is missing.

    Raises:
        ValueError: a package has a name that no Debian package can have.
    """
    packages = sorted({package for validator in validators for package in validator.packages} | set(NEEDED))
    for package in packages:
        if not _PACKAGE.match(package):
            raise ValueError(f"{package!r} is not the name of a Debian package")
    return f"""\
FROM {BASE}
ENV DEBIAN_FRONTEND=noninteractive
RUN printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \\
 && apt-get update \\
 && apt-get install --yes --no-install-recommends \\
      $(apt-cache pkgnames | grep -Fx {" ".join(f"-e {package}" for package in packages)}) \\
 && rm -rf /var/lib/apt/lists/*
"""


def tag(validators: Iterable[Validator]) -> str:
    """Return the image's name: it changes with what is in the Dockerfile."""
    return f"{REPOSITORY}:{hashlib.sha256(dockerfile(validators).encode()).hexdigest()[:12]}"


def ensure(client: DockerClient, validators: Iterable[Validator], tell: Callable[[str], None] = lambda _: None) -> str:
    """Return the name of an image that has the tools, building it when it is not there.

    Raises:
        Impossible: it cannot be built here.
    """
    import docker.errors  # type: ignore[import-untyped]

    validators = tuple(validators)
    name, text = tag(validators), dockerfile(validators)
    if _has(client, name):
        return name
    _ensure_base(client, tell)
    tell(f"building the image {name} from Debian's packages, once (about two minutes)")
    try:
        client.images.build(fileobj=io.BytesIO(text.encode()), tag=name, rm=True, forcerm=True, timeout=BUILD_TIMEOUT_S)
    except docker.errors.BuildError as problem:
        said = "\n".join(str(row.get("stream") or row.get("error") or "") for row in problem.build_log)
        raise Impossible(f"the image {name} cannot be built: {last_words(said)}", _BY_HAND) from None
    except docker.errors.DockerException as problem:
        raise Impossible(f"the image {name} cannot be built: {last_words(str(problem))}", _BY_HAND) from None
    return name


_BY_HAND = "look at what the engine says, or build an image with the tools yourself and name it: `--image NAME`"


def _has(client: DockerClient, name: str) -> bool:
    import docker.errors

    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _ensure_base(client: DockerClient, tell: Callable[[str], None]) -> None:
    import docker.errors

    if _has(client, BASE):
        return
    try:
        tell(f"pulling {BASE}")
        client.images.pull(BASE)
    except docker.errors.DockerException as problem:
        tell(f"no registry gives {BASE}: making it with debootstrap")
        _bootstrap(client, last_words(str(problem)))


def _bootstrap(client: DockerClient, why: str) -> None:
    """Make the base image from Debian's packages and give it the public image's name."""
    way_out = f"make {BASE} known to the engine (docker load), or name another image: `--image NAME`"
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise Impossible(f"{BASE} cannot be pulled ({why}), and debootstrap needs root and its package", way_out)
    with tempfile.TemporaryDirectory(prefix="pgc-base-") as folder:
        tree, archive = os.path.join(folder, "tree"), os.path.join(folder, "base.tar")
        for command in (
            ["debootstrap", "--variant=minbase", SUITE, tree],
            ["tar", "--create", "--numeric-owner", "--one-file-system", "--file", archive, "--directory", tree, "."],
        ):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=BUILD_TIMEOUT_S,
            )
            if done.returncode != 0:
                raise Impossible(f"{command[0]} failed: {last_words(done.stdout + done.stderr)}", way_out)
        repository, _, version = BASE.partition(":")
        client.api.import_image_from_file(archive, repository=repository, tag=version)

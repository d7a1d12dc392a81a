"""Running a tool in a container: files are copied in, nothing of the user's is mounted, no network, always removed."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pgc.hookspecs import Answer, Trial, Validator
from pgc.verify import image as images
from pgc.verify.isolation import AS_NOBODY
from pgc.verify.local import VERSION_TIMEOUT_S, version_in
from pgc.verify.running import (
    NOBODY,
    OUTPUT_LIMIT,
    PREPARE,
    SHOWN_AT_ROOT,
    Impossible,
    Tool,
    answer,
    environment,
    filled,
    last_words,
    staged,
    with_accounts,
)

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]
    from docker.models.containers import Container  # type: ignore[import-untyped]

ROOT = "/trial"
_SERVERS = tuple(f"/usr/lib/postgresql/{major}/bin" for major in (18, 17, 16, 15))
PATH = ":".join(("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", *_SERVERS))
MEMORY = "1g"
PROCESSES = 256


class ContainerRunner:
    """Runs each trial in a container of its own, of `image` or of one built from the validators' packages."""

    def __init__(
        self, validators: Iterable[Validator], image: str = "", tell: Callable[[str], None] = lambda _: None
    ) -> None:
        """Reach the engine and make sure of the image. Raises Impossible."""
        self.client = connect()
        self.image = image or images.ensure(self.client, validators, tell)
        if image:
            _must_have(self.client, image)
        self._found: dict[str, Tool | Impossible] = {}
        self._lock = threading.Lock()

    def find(self, validator: Validator) -> Tool:
        with self._lock:
            if validator.name not in self._found:
                self._found[validator.name] = self._look(validator)
            found = self._found[validator.name]
        if isinstance(found, Impossible):
            raise found
        return found

    def run(self, validator: Validator, tool: Tool, trial: Trial) -> Answer:
        files = list(staged(trial))
        with self._container(trial, validator.folders) as container:
            if trial.accounts:
                accounts = with_accounts(
                    trial.accounts, _read(container, "/etc/passwd"), _read(container, "/etc/group")
                )
                container.put_archive("/", archive((path, content, 0o644) for path, content in accounts.items()))
            container.put_archive("/", archive([], folder=ROOT))
            container.put_archive(ROOT, archive(files))
            if trial.absolute:
                container.put_archive("/", archive(each for each in files if each[0].split("/", 1)[0] in SHOWN_AT_ROOT))
            container.start()
            code = _wait(container, trial.timeout_s)
            return answer(code, _logs(container), ROOT, trial)

    def _look(self, validator: Validator) -> Tool | Impossible:
        search = PATH if not validator.folders else ":".join(validator.folders)
        script = 'PATH="$1" command -v "$2" >/dev/null || { echo missing; exit 0; }; PATH="$1:$PATH"; shift; exec "$@"'
        trial = Trial(("sh", "-c", script, "pgc", search, validator.tool, *validator.version), {}, VERSION_TIMEOUT_S)
        try:
            said = self.run(validator, Tool(""), trial)
        except Impossible as problem:
            return problem
        if said.output.strip() == "missing":
            return Impossible(
                f"{validator.tool} is not in the image {self.image}", "name an image that has it: `--image NAME`"
            )
        return Tool(version_in(said.output))

    @contextlib.contextmanager
    def _container(self, trial: Trial, folders: tuple[str, ...]) -> Iterator[Container]:
        import docker.errors  # type: ignore[import-untyped]

        path = ":".join((*folders, PATH))
        command = [
            "-c",
            PREPARE,
            "pgc",
            ROOT,
            "own" if trial.interfaces or trial.serves else "none",
            " ".join(trial.interfaces),
            "",
        ]
        # The script before the tool may make it nobody and make interfaces; the tool itself has no capability at all.
        wanted = ["SETUID", "SETGID", "SETPCAP", *(["NET_ADMIN"] if trial.interfaces else [])]
        sysctls = {"net.ipv4.ip_nonlocal_bind": "1", "net.ipv6.ip_nonlocal_bind": "1"} if trial.serves else {}
        try:
            container = self.client.containers.create(
                self.image,
                [*command, *AS_NOBODY, *filled(trial.argv, ROOT)],
                entrypoint=["sh"],
                user="0:0",
                working_dir=ROOT,
                environment=environment(trial, ROOT, path),
                network_mode="none",
                cap_drop=["ALL"],
                cap_add=wanted,
                sysctls=sysctls,
                security_opt=["no-new-privileges"],
                init=True,
                labels={"pgc": "validation"},
                mem_limit=MEMORY,
                pids_limit=PROCESSES,
                stdin_open=False,
                log_config={"Type": "json-file", "Config": {"max-size": "2m", "max-file": "1"}},
            )
        except docker.errors.DockerException as problem:
            raise Impossible(f"the engine makes no container: {last_words(str(problem))}", _ENGINE) from None
        try:
            yield container
        except (docker.errors.DockerException, tarfile.TarError) as problem:
            raise Impossible(f"the engine cannot run the container: {last_words(str(problem))}", _ENGINE) from None
        finally:
            with contextlib.suppress(docker.errors.DockerException):
                container.remove(force=True, v=True)


_ENGINE = (
    "see that the Docker engine runs and that you may use it (`docker info`), or leave --docker out and use local tools"
)


def connect() -> DockerClient:
    """Return a client whose engine answers. Raises Impossible."""
    import docker
    import docker.errors

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (docker.errors.DockerException, OSError) as problem:
        raise Impossible(f"the Docker engine does not answer: {last_words(str(problem))}", _ENGINE) from None
    return client


def _must_have(client: DockerClient, image: str) -> None:
    import docker.errors

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        way_out = (
            f"pull or build it (`docker pull {image}`), or use --docker without a name: pgc then builds an image itself"
        )
        raise Impossible(f"the engine has no image {image}", way_out) from None
    except docker.errors.DockerException as problem:
        raise Impossible(f"the engine refuses the image {image}: {last_words(str(problem))}", _ENGINE) from None


def archive(files: Iterable[tuple[str, bytes, int]], folder: str = "") -> bytes:
    """Return a tar archive of files owned by root, or of one empty folder that nobody's tool may write in."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        if folder:
            row = tarfile.TarInfo(folder.strip("/"))
            row.type, row.mode, row.uid, row.gid = tarfile.DIRTYPE, 0o755, NOBODY, NOBODY
            tar.addfile(row)
        for path, content, mode in files:
            row = tarfile.TarInfo(path)
            row.size, row.mode = len(content), mode
            tar.addfile(row, io.BytesIO(content))
    return out.getvalue()


def _read(container: Container, path: str) -> bytes:
    stream, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        member = tar.extractfile(tar.next() or tarfile.TarInfo())
        return member.read() if member else b""


def _wait(container: Container, timeout_s: int) -> int:
    import requests.exceptions

    try:
        done: Mapping[str, Any] = container.wait(timeout=timeout_s)
    except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
        raise Impossible(
            f"it took more than {timeout_s:g} s and was ended", "try again on a less busy machine"
        ) from None
    return int(done["StatusCode"])


def _logs(container: Container) -> bytes:
    said = bytearray()
    for part in container.logs(stream=True, stdout=True, stderr=True):
        said += part
        if len(said) > OUTPUT_LIMIT:
            raise Impossible(
                f"it said more than {OUTPUT_LIMIT // 1024} KiB and was ended", "run the tool by hand to see why"
            )
    return bytes(said)

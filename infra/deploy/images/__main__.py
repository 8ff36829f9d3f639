"""Builds the images on this machine: python -m infra.deploy.images (needs root, debootstrap and a Docker daemon).

No image registry is asked. The base is a minimal Debian from its own packages; all else is what this project's
environment already holds, verified when it was installed: the locked distributions, the jars and the Java runtime.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.deploy.images import names
from infra.embedded.kafka.configuration import LOG_PROPERTIES
from infra.embedded.kafka.jars import ensure, java

RECIPES = Path(__file__).parent
PROJECT = RECIPES.parent.parent.parent
ROOMS = ("schemas", "streams", "sinks", "replay", "infra")
RELEASE = "bookworm"
# Its Python is the one whose compiled distributions are copied into it.
PYTHON_OF_RELEASE = (3, 11)
BASE_PACKAGES = ("python3-minimal", "libpython3-stdlib", "socat")
NEEDLESS = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")


class CannotBuild(Exception):
    """Something of the machine must be changed first."""


def main() -> None:
    """Build the base if it is not there, and the others anew; one line for each with its time."""
    try:
        _check_machine()
        with tempfile.TemporaryDirectory(prefix="checkline-images-") as directory:
            scratch = Path(directory)
            if not _is_there(names.BASE):
                _timed(names.BASE, lambda: build_base(scratch / "root"))
            _timed(names.KAFKA.local, lambda: _build("kafka", names.KAFKA.local, scratch / "kafka", stage_kafka))
            _timed(names.CHECKLINE, lambda: _build("checkline", names.CHECKLINE, scratch / "app", stage_checkline))
            clickhouse = names.CLICKHOUSE.local
            _timed(clickhouse, lambda: _build("clickhouse", clickhouse, scratch / "clickhouse", stage_clickhouse))
    except CannotBuild as error:
        sys.exit(f"images: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"images: {' '.join(map(str, error.cmd[:3]))} ended with status {error.returncode}; its words are above"
        )


def _check_machine() -> None:
    if sys.version_info[:2] != PYTHON_OF_RELEASE:
        raise CannotBuild(f"Python {'.'.join(map(str, PYTHON_OF_RELEASE))} is needed, as Debian {RELEASE} has it")
    if os.geteuid() != 0:
        raise CannotBuild("debootstrap needs root; run make images as root")
    for program in ("debootstrap", "docker"):
        if shutil.which(program) is None:
            raise CannotBuild(f"{program} is not installed; apt-get install docker.io debootstrap iptables")
    if _quietly("docker", "version").returncode != 0:
        raise CannotBuild("no Docker daemon answers; start dockerd")


def _timed(name: str, build: Callable[[], None]) -> None:
    begun = time.monotonic()
    build()
    size = _quietly("docker", "image", "inspect", "--format", "{{.Size}}", name).stdout.strip()
    sys.stdout.write(f"{name}  {int(size) / 1e6:.0f} MB  {time.monotonic() - begun:.0f} s\n")
    sys.stdout.flush()


def _is_there(image: str) -> bool:
    return _quietly("docker", "image", "inspect", image).returncode == 0


def _quietly(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def build_base(root: Path) -> None:
    """A minimal Debian with Python and socat. Raises CalledProcessError."""
    included = f"--include={','.join(BASE_PACKAGES)}"
    command = ["debootstrap", "--variant=minbase", included, RELEASE, str(root)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    for place in NEEDLESS:
        shutil.rmtree(root / place, ignore_errors=True)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", names.BASE], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)


def _build(recipe: str, image: str, context: Path, stage: Callable[[Path], None]) -> None:
    shutil.copytree(RECIPES / recipe, context)
    stage(context)
    # Without BuildKit, whose front end would be fetched from a registry.
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    subprocess.run(["docker", "build", "--quiet", "--tag", image, "."], cwd=context, env=environment, check=True)
    shutil.rmtree(context)


def stage_kafka(context: Path) -> None:
    """The verified jars, the Java runtime and the configuration of the log."""
    jars = context / "jars"
    jars.mkdir()
    for jar in ensure():
        shutil.copy(jar, jars)
    shutil.copytree(java().parent.parent, context / "java", symlinks=True)
    (context / "log4j2.properties").write_text(LOG_PROPERTIES, encoding="utf-8")


def stage_checkline(context: Path) -> None:
    """The project and what it needs against an external Kafka and ClickHouse."""
    for room in ROOMS:
        shutil.copytree(PROJECT / room, context / "project" / room, ignore=shutil.ignore_patterns("__pycache__"))
    _copy_distributions(closure("checkline") - {"checkline"}, context / "packages")


def stage_clickhouse(context: Path) -> None:
    """The engine, which the image of the project itself is without."""
    _copy_distributions(closure("chdb") - closure("checkline"), context / "packages")


def closure(name: str) -> set[str]:
    """The canonical names of an installed distribution and of all it needs on this machine, with its extras."""
    found: set[tuple[str, frozenset[str]]] = set()

    def follow(name: str, extras: Collection[str]) -> None:
        place = (canonicalize_name(name), frozenset(extras))
        if place in found:
            return
        found.add(place)
        for requirement in map(Requirement, requires(name) or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                follow(requirement.name, requirement.extras)

    follow(name, ())
    return {name for name, _ in found}


def _copy_distributions(wanted: Collection[str], target: Path) -> None:
    for name in sorted(wanted):
        for file in distribution(name).files or []:
            # Programs lie outside: `../../../bin/...`.
            if file.parts[0] == ".." or "__pycache__" in file.parts:
                continue
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target / file)


if __name__ == "__main__":
    main()

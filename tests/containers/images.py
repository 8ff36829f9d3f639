"""Which Docker daemon and which images there are for the tests on containers; why not, in one sentence."""

import os
from typing import NamedTuple

import docker
from docker.errors import DockerException

from infra.deploy.images.names import CLICKHOUSE, KAFKA, ImageChoice

RECIPE = "infra/deploy/images/README.md"
PING_SECONDS = 5


class LeftOut(Exception):
    """The tests on containers cannot run; the text says what is missing and what to do."""


class Images(NamedTuple):
    """The images of the two stores, each at hand."""

    kafka: str
    clickhouse: str

    def __str__(self) -> str:
        clickhouse = self.clickhouse
        if clickhouse == CLICKHOUSE.local:
            clickhouse += " (the engine chDB behind the project's own server, not a ClickHouse server)"
        return f"kafka {self.kafka}, clickhouse {clickhouse}"


def find_images() -> Images:
    """The images named by the environment, else the official ones, else those built here. Raises LeftOut."""
    client = daemon()
    try:
        return Images(choose(client, KAFKA), choose(client, CLICKHOUSE))
    finally:
        client.close()


def daemon() -> docker.DockerClient:
    """The daemon the environment names, once it has answered. Raises LeftOut."""
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not address.startswith("unix:"):
        raise LeftOut(f"the Docker daemon at {address} is not this machine's: ports on the loopback would be its own")
    try:
        client = docker.from_env(timeout=PING_SECONDS)
        client.ping()
    except DockerException as error:
        raise LeftOut(f"no Docker daemon answers at {address} ({_reason(error)})") from error
    # A pull is waited for as long as the test may take.
    client.api.timeout = None
    return client


def choose(client: docker.DockerClient, choice: ImageChoice) -> str:
    """The image to run for a store: one that is named must be had. Raises LeftOut."""
    named = os.environ.get(choice.variable)
    reasons = []
    for image in [named] if named else [choice.official, choice.local]:
        if not (reason := why_not_had(client, image, pull=image != choice.local)):
            return image
        reasons.append(reason)
    raise LeftOut(
        f"{'; '.join(reasons)}; build images with make images, or name others in {choice.variable} ({RECIPE})"
    )


def why_not_had(client: docker.DockerClient, image: str, *, pull: bool) -> str:
    """Empty when the image is on this machine, pulled now if need be."""
    try:
        client.images.get(image)
        return ""
    except DockerException as error:
        if not pull:
            return f"{image} is not built here ({_reason(error)})"
    try:
        client.images.pull(image)
        return ""
    except DockerException as error:
        return f"{image} cannot be pulled ({_reason(error)})"


def _reason(error: DockerException) -> str:
    return " ".join(str(error).split())

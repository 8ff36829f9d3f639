"""The jars of the embedded Kafka are used only when their bytes are those of the list."""

import hashlib
from pathlib import Path

import pytest

from infra.embedded.kafka.jars import LockedJar, ensure, read_lock
from infra.errors import JarMismatch, MissingPart

PATH = "org/example/thing/1.0/thing-1.0.jar"


def put(repository: Path, content: bytes) -> Path:
    jar = repository / PATH
    jar.parent.mkdir(parents=True)
    jar.write_bytes(content)
    return jar


def test_a_jar_with_the_listed_bytes_is_taken_from_the_cache(tmp_path: Path) -> None:
    jar = put(tmp_path, b"bytes")
    assert ensure([LockedJar(PATH, hashlib.sha256(b"bytes").hexdigest())], tmp_path) == [jar]


def test_a_jar_with_other_bytes_is_one_clear_error(tmp_path: Path) -> None:
    jar = put(tmp_path, b"other bytes")
    with pytest.raises(JarMismatch) as caught:
        ensure([LockedJar(PATH, hashlib.sha256(b"bytes").hexdigest())], tmp_path)
    text = str(caught.value)
    assert str(jar) in text
    assert "delete it" in text
    assert "\n" not in text


def test_a_jar_that_cannot_be_fetched_is_one_clear_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "jgo.conf"
    settings.write_text("[repositories]\ncentral = http://127.0.0.1:9/\n", encoding="utf-8")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    repository = tmp_path / "repository"
    with pytest.raises(MissingPart) as caught:
        ensure([LockedJar(PATH, "0" * 64)], repository)
    assert "thing-1.0.jar" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(repository.iterdir()) == []


def test_every_line_of_the_list_is_a_jar_with_its_digest() -> None:
    lock = read_lock()
    assert any(jar.path.endswith("/kafka_2.13-4.3.1.jar") for jar in lock)
    assert any(jar.path.endswith("/kafka-clients-4.3.1.jar") for jar in lock)
    assert all(jar.path.endswith(".jar") and len(jar.sha256) == 64 for jar in lock)
    assert len({jar.path for jar in lock}) == len(lock)

"""Settings: where each comes from, and what a wrong one says."""

from pathlib import Path

import pytest

from infra.errors import WrongSetting
from infra.settings import printable, read_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(**overrides: object) -> str:
    with pytest.raises(WrongSetting) as caught:
        read_settings(**overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_without_any_setting_the_parts_are_the_embedded_ones() -> None:
    settings = read_settings()
    assert settings.kafka.embedded
    assert settings.clickhouse.embedded
    assert settings.partitions == 8
    assert settings.clock is None


def test_a_variable_overrides_the_file_and_leaves_its_neighbours() -> None:
    Path("checkline.toml").write_text('[kafka]\nbootstrap = "file:1"\nusername = "user"\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHECKLINE_KAFKA_BOOTSTRAP", "one:1,two:2")
        settings = read_settings()
    assert settings.kafka.bootstrap == "one:1,two:2"
    assert settings.kafka.username == "user"


def test_an_option_overrides_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKLINE_WORKERS", "2")
    assert read_settings(workers=3).workers == 3
    assert read_settings(workers=None).workers == 2


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CHECKLINE_PARTITIONS", "zero", "'zero'"),
        ("CHECKLINE_BROKERS", "2", "should be 1 or 3"),
        ("CHECKLINE_CLOCK", "sand", "'wall' or 'event'"),
        ("CHECKLINE_KAFKA_BOOTSTRAP", "nowhere", "host:port"),
        ("CHECKLINE_KAFKA_BOOTSTRP", "a:1", "no such setting"),
        ("CHECKLINE_HOMME", "x", "no such setting"),
        ("CHECKLINE_CLICKHOUSE_PORT", "70000", "65535"),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    text = refusal()
    assert f"variable {variable}" in text
    assert words in text


def test_a_wrong_setting_of_the_file_is_named_with_the_file() -> None:
    Path("checkline.toml").write_text("[log]\nlevel = 'LOUD'\n", encoding="utf-8")
    text = refusal()
    assert "checkline.toml, setting log.level: 'LOUD'" in text


def test_a_file_that_is_not_toml_is_one_line() -> None:
    Path("checkline.toml").write_text("partitions =\n", encoding="utf-8")
    assert "checkline.toml cannot be read" in refusal()


def test_a_wrong_option_is_named_as_an_option() -> None:
    assert "option --workers" in refusal(workers=0)


def test_passwords_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKLINE_CLICKHOUSE_WRITER_PASSWORD", "very secret")
    settings = read_settings()
    assert settings.clickhouse.writer_password.get_secret_value() == "very secret"
    assert "very secret" not in repr(printable(settings))
    assert "very secret" not in repr(settings)

"""All settings, read once: defaults, overridden by `checkline.toml` of the current directory, overridden by variables.

A setting `name` of section `[kafka]` is the variable `CHECKLINE_KAFKA_NAME`; one outside a section `CHECKLINE_NAME`.
"""

import os
import re
import ssl
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from infra.errors import WrongSetting
from schemas.topics import DEFAULT_PARTITIONS

SETTINGS_FILE = Path("checkline.toml")
PREFIX = "CHECKLINE_"
# Set by the supervisor for its parts, or by a test run; not settings.
NOT_SETTINGS = ("CHECKLINE_READY_FILE", "CHECKLINE_TEST_")

Port = Annotated[int, Field(ge=1, le=65_535)]
Clock = Literal["wall", "event"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
ADDRESSES = re.compile(r"|[^\s,:]+:\d+(,[^\s,:]+:\d+)*")


class KafkaSettings(BaseModel):
    """Where Kafka is; without `bootstrap` the embedded one is used, whose replication follows from its nodes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: str = ""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    replication: int = Field(default=1, ge=1)

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        if not ADDRESSES.fullmatch(value):
            raise ValueError("should be host:port, or several with commas between")
        return value

    @property
    def embedded(self) -> bool:
        """Whether the nodes of this home are meant."""
        return not self.bootstrap

    def client_options(self) -> dict[str, Any]:
        """What a kafka-python client needs to be let in (without the addresses)."""
        options: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        if self.ca_file is not None:
            options["ssl_cafile"] = str(self.ca_file)
        return options

    def aiokafka_options(self) -> dict[str, Any]:
        """What an aiokafka client needs to be let in (without the addresses)."""
        options = self.client_options()
        ca_file = options.pop("ssl_cafile", None)
        if "SSL" in self.security_protocol:
            options["ssl_context"] = ssl.create_default_context(cafile=ca_file)
        return options


class ClickHouseSettings(BaseModel):
    """Where ClickHouse is; without `host` the embedded engine is used, with users and passwords of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = ""
    port: Port = 9000
    secure: bool = False
    ca_file: Path | None = None
    database: str = "default"
    writer: str = "writer"
    writer_password: SecretStr = SecretStr("")
    reader: str = "reader"
    reader_password: SecretStr = SecretStr("")

    @property
    def embedded(self) -> bool:
        """Whether the engine of this home is meant."""
        return not self.host


class Contact(BaseModel):
    """How somebody on call is reached; the log never holds it. An SMS gateway is a webhook of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook: str = ""
    email: str = ""
    sms_webhook: str = ""


class OperationsSettings(BaseModel):
    """The operations page, its scrape and its alarms.

    `*_seconds` are how long something may last before it is an alarm; "lately" is `lately_seconds`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)  # 0: one that is chosen at the first start and kept
    names: tuple[str, ...] = ()  # by which the page may be asked for, beside localhost and addresses
    lately_seconds: int = Field(default=300, ge=10)
    stuck_seconds: float = Field(default=10.0, gt=0)
    lag_seconds: float = Field(default=60.0, gt=0)
    retention_seconds: float = Field(default=24 * 3600.0, gt=0)
    silence_seconds: float = Field(default=300.0, gt=0)
    skew_seconds: float = Field(default=120.0, gt=0)
    tick_late_seconds: float = Field(default=5.0, gt=0)
    dead_letters_lately: int = Field(default=10, ge=1)
    dead_letter_ratio: float = Field(default=0.01, gt=0, le=1)
    breaches_lately: int = Field(default=20, ge=1)
    congestion_wait_seconds: float = Field(default=600.0, gt=0)
    congestion_waiting: int = Field(default=50, ge=1)
    audit_share: float = Field(default=0.1, gt=0, le=1)  # of one processor, at most, for the audit that always runs
    escalation_seconds: float = Field(default=300.0, gt=0)
    smtp_host: str = ""
    smtp_port: Port = 25
    smtp_tls: bool = False
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    sender: str = "checkline@localhost"
    contacts: dict[str, Contact] = Field(default_factory=dict)


class LogSettings(BaseModel):
    """How much is logged: by us, and by the libraries whose debug lines are many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: LogLevel = "INFO"
    libraries: LogLevel = "WARNING"


class Settings(BaseSettings):
    """Every setting of an installation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        toml_file=SETTINGS_FILE,
        extra="forbid",
        frozen=True,
    )

    home: Path = Path(".checkline")
    # Without a value: the clock the home already has, and the wall clock for a new one.
    clock: Clock | None = None
    partitions: int = Field(default=DEFAULT_PARTITIONS, ge=1, le=1_024)
    workers: int = Field(default=1, ge=1, le=64)
    # Nodes of the embedded Kafka. Without a value: as many as the home already has, and one for a new one.
    brokers: int | None = None
    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    operations: OperationsSettings = OperationsSettings()
    log: LogSettings = LogSettings()

    @field_validator("brokers")
    @classmethod
    def _one_or_three(cls, value: int | None) -> int | None:
        if value not in (None, 1, 3):  # of two, none may die: both would be needed to agree
            raise ValueError("should be 1 or 3")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of the sources: the program's own words, variables, the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(**overrides: Any) -> Settings:
    """The settings in effect; `overrides` are options of the command line, None where not given.

    Raises WrongSetting: one line that names the setting, its source, what is wrong and what is possible.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise WrongSetting("; ".join(_explain(one, overrides) for one in error.errors())) from error
    except tomllib.TOMLDecodeError as error:
        raise WrongSetting(f"{SETTINGS_FILE} cannot be read: {error}; correct it") from error
    except SettingsError as error:
        reason = " ".join(str(error).split())
        raise WrongSetting(f"{reason}; name a single setting, such as CHECKLINE_KAFKA_BOOTSTRAP") from error


def printable(settings: Settings) -> dict[str, Any]:
    """The settings as they may be shown: passwords are masked."""
    shown: dict[str, Any] = settings.model_dump(mode="json")
    return shown


def _explain(error: Any, overrides: dict[str, Any]) -> str:
    names = [str(part) for part in error["loc"]]
    reason = "there is no such setting" if error["type"] == "extra_forbidden" else error["msg"]
    reason = reason.removeprefix("Value error, ")
    remedy = "remove it or correct its name" if error["type"] == "extra_forbidden" else "correct it"
    variable = PREFIX + "_".join(names).upper()
    if overrides.get(names[0]) is not None:
        source = f"option --{names[0].replace('_', '-')}"
    elif variable in os.environ:
        source = f"variable {variable}"
    else:
        source = f"{SETTINGS_FILE}, setting {'.'.join(names)}"
    given = "" if "password" in names[-1] else f" {error['input']!r}:"
    return f"{source}:{given} {reason[0].lower()}{reason[1:]}; {remedy}"


def _refuse_unknown_variables() -> None:
    """A variable whose name is mistyped would else be passed over in silence."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    # What follows the name of a section is judged by the section's own model.
    accepted = (*(f"{PREFIX}{section}_" for section in ("KAFKA", "CLICKHOUSE", "OPERATIONS", "LOG")), *NOT_SETTINGS)
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable not in names and not variable.startswith(accepted):
            raise WrongSetting(f"variable {variable}: there is no such setting; remove it or correct its name")

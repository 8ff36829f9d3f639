"""The manifest of a case file: what it holds, where that comes from, and the digests that prove it.

The manifest ends in a digest over all the rest of it. Whoever keeps that digest elsewhere can tell later that nothing
of the case was altered. All times are UTC milliseconds.
"""

import json
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.registry import Registry, SchemaVersion

FORMAT: Literal["checkline-case"] = "checkline-case"
FORMAT_VERSION: Literal[1] = 1
MANIFEST_NAME = "manifest.json"
_DIGEST = "digest"
_MODULUS = 1 << 128


class CaseDamaged(Exception):
    """What makes a case file, or a part of it, unusable."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Part):
    """One Avro container file: the records of one partition in ``begin <= offset < end``. ``last_mark`` is the latest
    time that a time mark names. ``misplaced`` are records in another partition than that of their key."""

    topic: str
    partition: int = Field(ge=0)
    begin: int
    end: int
    records: int
    marks: int
    misplaced: int
    first_appended_at: int | None
    last_appended_at: int | None
    last_mark: int | None
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return file_name(self.topic, self.partition)


class TopicEntry(_Part):
    """What all files of a topic hold together. ``content`` is a digest of all records but the time marks, the same in
    any order and with any number of partitions."""

    records: int
    marks: int
    content: str


class SchemaEntry(_Part):
    """A schema that values of the case refer to by its id."""

    subject: str
    version: int
    id: int
    sha256: str
    definition: dict[str, Any]


class PolicyEntry(_Part):
    """A policy file that the exporting installation had."""

    name: str
    sha256: str


class LostRange(_Part):
    """Offsets below ``begin``, which the log held no more."""

    topic: str
    partition: int
    begin: int


class Manifest(_Part):
    """``since`` and ``before`` are the range that was asked for; ``until`` is the time a wall-clock home had reached
    when the log was read, None where the log's own marks say it. ``campaigns`` are the accounts of campaigns published
    in it, so that their figures can be computed from the whole log again."""

    format: Literal["checkline-case"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    created_at: int
    code_version: str
    clock: Literal["wall", "event"]
    partitions: int = Field(ge=1)
    since: int | None
    before: int | None
    until: int | None
    topics: dict[str, TopicEntry]
    files: list[FileEntry]
    schemas: list[SchemaEntry]
    unknown_schemas: list[int]
    policies: list[PolicyEntry]
    lost: list[LostRange]
    campaigns: dict[str, dict[str, Any]]

    @property
    def records(self) -> int:
        """Records of all files."""
        return sum(file.records for file in self.files)

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)

    def to_json(self) -> str:
        """The document, ending in its digest."""
        document = self.model_dump(mode="json")
        return json.dumps({**document, _DIGEST: digest_of(document)}, ensure_ascii=False, indent=1) + "\n"


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of a manifest without its digest: keys sorted, no blanks, UTF-8."""
    rest = {name: value for name, value in document.items() if name != _DIGEST}
    return sha256(_canonical(rest).encode()).hexdigest()


def parse_manifest(text: str | bytes) -> tuple[Manifest, str]:
    """A manifest and its digest. Raises CaseDamaged."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CaseDamaged(f"is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CaseDamaged("is no manifest of a case file")
    if document.get("format_version") != FORMAT_VERSION:
        raise CaseDamaged(
            f"format version {document.get('format_version')} is not {FORMAT_VERSION}: use a release that reads it"
        )
    stated, found = document.pop(_DIGEST, None), digest_of(document)
    if stated != found:
        raise CaseDamaged(f"was altered: it states the digest {stated}, and its content has {found}")
    try:
        return Manifest.model_validate(document), found
    except ValidationError as error:
        first = error.errors()[0]
        raise CaseDamaged(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def file_name(topic: str, partition: int) -> str:
    """The name of a partition's file."""
    return f"{topic}-{partition}.avro"


def content_text(total: int) -> str:
    """A content digest as it is written: 32 hexadecimal digits."""
    return f"{total % _MODULUS:032x}"


def schema_entry(schema: SchemaVersion) -> SchemaEntry:
    """How a schema stands in a manifest."""
    definition = dict(schema.definition)
    return SchemaEntry(
        subject=schema.subject,
        version=schema.version,
        id=schema.id,
        sha256=sha256(_canonical(definition).encode()).hexdigest(),
        definition=definition,
    )


def known_schemas(registry: Registry, ids: set[int]) -> tuple[list[SchemaEntry], list[int]]:
    """The schemas of some ids, and the ids that the registry does not know."""
    found = {schema_id: registry.find(schema_id) for schema_id in sorted(ids)}
    known = [schema_entry(schema) for schema in found.values() if schema is not None]
    return known, [schema_id for schema_id, schema in found.items() if schema is None]


def shipped_policies() -> list[PolicyEntry]:
    """The policy files of this installation."""
    directory = files("schemas") / "policies"
    found = sorted((file for file in directory.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return [
        PolicyEntry(name=file.name.removesuffix(".toml"), sha256=sha256(file.read_bytes()).hexdigest())
        for file in found
    ]


def code_version() -> str:
    """The release that runs."""
    try:
        return version("checkline")
    except PackageNotFoundError:  # run from a tree that was never installed
        return "unknown"


def _canonical(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

"""The schema registry: a directory of `<subject>.v<N>.avsc` and the `ids.json` that fixes the id of each version.

Ids are part of every record ever written: once given they never change, and the list of a subject only grows.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import avro.schema
import fastavro
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.wire.fields import Field, UnsupportedType, fields_of

DEFAULT_DIRECTORY = Path(__file__).parent / "avro"
_FILE_NAME = re.compile(r"(?P<subject>.+)\.v(?P<version>[1-9]\d*)\.avsc")
_MAX_ID = 2**31 - 1


class RegistryError(Exception):
    """The registry's files contradict each other; the text names the file and what to do."""


class UnknownSubject(LookupError):
    """No schema of that subject is registered."""


class UnknownSchemaId(LookupError):
    """No schema with that id is registered."""


class UnsupportedSchema(RegistryError):
    """A schema uses a type that cannot be read as a column."""

    def __init__(self, subject: str, version: int, field: str, problem: str) -> None:
        super().__init__(f"{subject} version {version}, field {field}: {problem}")
        self.subject, self.version, self.field = subject, version, field


class IncompatibleSchema(RegistryError):
    """A newer schema cannot read what an older one wrote. ``field`` is None if it is the record as a whole."""

    def __init__(self, subject: str, reader_version: int, writer_version: int, field: str | None, problem: str) -> None:
        where = f"field {field}" if field else "the record"
        super().__init__(
            f"{subject}: version {reader_version} cannot read data of version {writer_version}: {where}: {problem}"
        )
        self.subject, self.reader_version, self.writer_version = subject, reader_version, writer_version
        self.field, self.problem = field, problem


class SchemaVersion:
    """One version of a subject's schema; ``definition`` is the file's JSON, ``id`` what stands in the framing."""

    def __init__(self, subject: str, version: int, schema_id: int, definition: Mapping[str, Any]) -> None:
        self.subject = subject
        self.version = version
        self.id = schema_id
        self.definition = definition

    def __repr__(self) -> str:
        return f"SchemaVersion({self.subject!r}, version {self.version}, id {self.id})"

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Fields as the file declares them: ``name``, ``type``, and ``doc`` and ``default`` where given."""
        return list(self.definition["fields"])

    @cached_property
    def shapes(self) -> tuple[Field, ...]:
        """Fields as the codecs see them. Raises `UnsupportedSchema`."""
        try:
            return fields_of(self.definition)
        except UnsupportedType as error:
            raise UnsupportedSchema(self.subject, self.version, error.field, error.problem) from None

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro wants it, without logical types: a time is read and written as its milliseconds."""
        return fastavro.parse_schema(_without_logical_types(self.definition))


class Registry:
    """Subjects, versions and ids, read once from a directory. Raises `RegistryError`."""

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        self.directory = directory
        self._subjects: dict[str, tuple[SchemaVersion, ...]] = {}
        self._by_id: dict[int, SchemaVersion] = {}
        ids = _read_json(directory / "ids.json")
        files = _files(directory)
        if missing := sorted(files.keys() - ids.keys()):
            raise RegistryError(f"ids.json gives no id to {', '.join(missing)}: append one for each version")
        for subject, ids_of_subject in ids.items():
            self._add(subject, ids_of_subject, files.get(subject, {}))

    def _add(self, subject: str, ids: list[int], files: Mapping[int, Path]) -> None:
        if not ids or sorted(files) != list(range(1, len(ids) + 1)):
            raise RegistryError(
                f"ids.json has {len(ids)} ids for {subject}, but its files are of versions {sorted(files)}: "
                "every version has one file and one id, counted from 1"
            )
        versions = []
        for number, schema_id in enumerate(ids, start=1):
            if not 0 < schema_id <= _MAX_ID or schema_id in self._by_id:
                other = self._by_id.get(schema_id)
                raise RegistryError(
                    f"ids.json: id {schema_id} of {subject} version {number} is "
                    + (f"taken by {other}" if other else "out of range")
                )
            version = SchemaVersion(subject, number, schema_id, _read_json(files[number]))
            self._by_id[schema_id] = version
            versions.append(version)
        self._subjects[subject] = tuple(versions)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of all subjects; a subject is named like its topic."""
        return tuple(self._subjects)

    def versions(self, subject: str) -> tuple[SchemaVersion, ...]:
        """All versions of a subject, oldest first. Raises `UnknownSubject`."""
        try:
            return self._subjects[subject]
        except KeyError:
            raise UnknownSubject(f"no schema of {subject} in {self.directory}") from None

    def latest(self, subject: str) -> SchemaVersion:
        """Newest version of a subject: what producers write and readers resolve to. Raises `UnknownSubject`."""
        return self.versions(subject)[-1]

    def by_id(self, schema_id: int) -> SchemaVersion:
        """The version with an id. Raises `UnknownSchemaId`."""
        try:
            return self._by_id[schema_id]
        except KeyError:
            raise UnknownSchemaId(f"no schema with id {schema_id} in {self.directory}") from None

    def find(self, schema_id: int) -> SchemaVersion | None:
        """The version with an id, if there is one."""
        return self._by_id.get(schema_id)

    def check_compatibility(self) -> None:
        """Every version must read what each earlier version of its subject wrote, and be readable as columns.

        Raises `IncompatibleSchema` or `UnsupportedSchema`, naming subject, versions and field.
        """
        for versions in self._subjects.values():
            for position, reader in enumerate(versions):
                _check_defaults(reader)
                for writer in versions[:position]:
                    _check_pair(reader, writer)


@cache
def default_registry() -> Registry:
    """The registry of this distribution."""
    return Registry()


def _check_pair(reader: SchemaVersion, writer: SchemaVersion) -> None:
    # Field by field, because the checker loses the location of what it finds inside unions.
    reader_schema, writer_schema = _avro_schema(reader), _avro_schema(writer)
    written = writer_schema.fields_dict
    shapes_written = {shape.name: shape for shape in writer.shapes}
    for shape, field in zip(reader.shapes, reader_schema.fields, strict=True):
        problem = None
        if shape.name not in written:
            if not shape.has_default:
                problem = "is new and has no default: give it one"
        else:
            problem = _checker_problem(field.type, written[shape.name].type)
            problem = problem or _column_problem(shape, shapes_written[shape.name])
        if problem:
            raise IncompatibleSchema(reader.subject, reader.version, writer.version, shape.name, problem)
    problem = _checker_problem(reader_schema, writer_schema)
    if not problem and reader_schema.fullname != writer_schema.fullname:  # the checker compares names without namespace
        problem = f"name changed from {writer_schema.fullname} to {reader_schema.fullname}: keep it"
    if problem:
        raise IncompatibleSchema(reader.subject, reader.version, writer.version, None, problem)


def _checker_problem(reader: Any, writer: Any) -> str | None:
    checker: Any = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro types only parts of itself
    result = checker.get_compatibility(reader, writer)
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    return "; ".join(sorted(result.messages)) or ", ".join(kind.value for kind in result.incompatibilities)


def _column_problem(reader: Field, writer: Field) -> str | None:
    # The checker lets string and bytes stand for each other and does not look at logical types.
    if reader.kind != writer.kind and (reader.kind, writer.kind) != ("long", "int"):
        return f"type changed from {writer.kind} to {reader.kind}: a column has one type"
    if reader.logical != writer.logical:
        return (
            f"logical type changed from {writer.logical} to {reader.logical}: the same numbers would mean another time"
        )
    return None


def _check_defaults(version: SchemaVersion) -> None:
    # The checker does not check that a default is of its field's type; readers of older data would get it as it is.
    for shape in version.shapes:
        if shape.has_default and not _fits(shape, shape.default):
            raise UnsupportedSchema(
                version.subject, version.version, shape.name, f"default {shape.default!r} is not of the field's type"
            )


def _fits(shape: Field, value: Any) -> bool:
    if shape.nullable:
        return value is None  # a default belongs to the union's first type
    match shape.kind:
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            limit = 2 ** (31 if shape.kind == "int" else 63)
            return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        case "enum":
            return value in shape.symbols
        case "array":
            return bool(value == [])
        case _:
            return isinstance(value, str)


@cache
def _avro_schema(version: SchemaVersion) -> Any:
    return avro.schema.parse(json.dumps(version.definition))


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node


def _files(directory: Path) -> dict[str, dict[int, Path]]:
    files: dict[str, dict[int, Path]] = {}
    for path in sorted(directory.glob("*.avsc")):
        match = _FILE_NAME.fullmatch(path.name)
        if not match:
            raise RegistryError(f"{path.name}: a schema file is named <subject>.v<N>.avsc")
        files.setdefault(match["subject"], {})[int(match["version"])] = path
    return files


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegistryError(f"{path.name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RegistryError(f"{path.name} is not JSON: {error}") from error

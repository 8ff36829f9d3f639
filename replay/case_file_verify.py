"""Reading a case file over: is it what was written, and can this installation read it?"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from replay.case_file_content import Content
from replay.case_file_manifest import (
    MANIFEST_NAME,
    CaseDamaged,
    FileEntry,
    Manifest,
    SchemaEntry,
    code_version,
    content_text,
    parse_manifest,
    schema_entry,
    shipped_policies,
)
from replay.case_file_records import read_records
from schemas.registry import Registry
from schemas.topics import BY_NAME, INPUT_TOPICS, partitions_of

CHUNK_RECORDS = 20_000
_READABLE = {topic.name for topic in INPUT_TOPICS}


class Problem(NamedTuple):
    """What is wrong with a file of a case; ``manifest.json`` stands for the case as a whole."""

    file: str
    problem: str


class Verification(NamedTuple):
    """What reading a case over gave. ``notes`` are differences between installations that need not matter."""

    problems: list[Problem]
    notes: list[str]
    manifest: Manifest | None
    digest: str | None

    @property
    def holds(self) -> bool:
        """Whether the case is what was written and can be read here."""
        return not self.problems


class _Seen(NamedTuple):
    """What the files that could be read hold together, by topic."""

    totals: Counter[str]
    records: Counter[str]
    marks: Counter[str]
    known_ids: set[int]
    broken: set[str]


def verify(directory: Path, registry: Registry, progress: Callable[[int], object] = lambda _: None) -> Verification:
    """Read all of a case. ``progress`` is told the bytes of each file that was read. Raises OSError."""
    try:
        manifest, digest = parse_manifest((directory / MANIFEST_NAME).read_bytes())
    except FileNotFoundError:
        what = "is missing: this is no case file, or an export that did not end"
        return Verification([Problem(MANIFEST_NAME, what)], [], None, None)
    except CaseDamaged as damaged:
        return Verification([Problem(MANIFEST_NAME, str(damaged))], [], None, None)
    problems = [*_of_the_directory(directory, manifest), *_of_the_schemas(manifest, registry)]
    seen = _Seen(Counter(), Counter(), Counter(), set(), set())
    for file in manifest.files:
        problems += [Problem(file.name, what) for what in _of_a_file(directory, file, manifest, registry, seen)]
        progress(file.bytes)
    problems += _of_the_topics(manifest, seen)
    named = {entry.id for entry in manifest.schemas}
    notes = list(_notes(manifest))
    for schema_id in sorted(seen.known_ids - named):
        if schema_id in manifest.unknown_schemas:
            notes.append(f"schema id {schema_id} was not known where the case comes from, and is known here")
        else:
            problems.append(Problem(MANIFEST_NAME, f"does not name the schema {schema_id} that values refer to"))
    return Verification(problems, notes, manifest, digest)


def _of_the_directory(directory: Path, manifest: Manifest) -> Iterator[Problem]:
    """Files that are not of the case, topics that nobody reads, partitions without a file."""
    expected = {MANIFEST_NAME, *(file.name for file in manifest.files)}
    for path in sorted(directory.iterdir()):
        if path.name not in expected:
            yield Problem(path.name, "does not belong to the case")
    for topic in sorted({file.topic for file in manifest.files} | manifest.topics.keys()):
        if topic not in _READABLE:
            yield Problem(MANIFEST_NAME, f"{topic} is no input topic of this installation")
            continue
        numbers = sorted(file.partition for file in manifest.files if file.topic == topic)
        wanted = partitions_of(BY_NAME[topic], manifest.partitions)
        if numbers != list(range(wanted)):
            yield Problem(MANIFEST_NAME, f"names files of the partitions {numbers} of {topic}, which has {wanted}")


def _of_the_schemas(manifest: Manifest, registry: Registry) -> Iterator[Problem]:
    for entry in manifest.schemas:
        if (what := _of_a_schema(entry, registry)) is not None:
            yield Problem(MANIFEST_NAME, f"schema {entry.id} ({entry.subject} version {entry.version}) {what}")


def _of_a_schema(entry: SchemaEntry, registry: Registry) -> str | None:
    found = registry.find(entry.id)
    if found is None:
        return "is not registered here: upgrade first"
    here = schema_entry(found)
    if (here.subject, here.version) != (entry.subject, entry.version):
        return f"is {here.subject} version {here.version} here"
    if here.definition != entry.definition or here.sha256 != entry.sha256:
        return f"says something else here: its SHA-256 is {here.sha256}, not {entry.sha256}"
    return None


def _of_a_file(directory: Path, file: FileEntry, manifest: Manifest, registry: Registry, seen: _Seen) -> Iterator[str]:
    """What is wrong with one file; what it holds is added to ``seen``."""
    path = directory / file.name
    if not path.is_file() or path.is_symlink():
        seen.broken.add(file.topic)
        yield "is missing" if not path.exists() else "is no plain file"
        return
    size = path.stat().st_size
    if size != file.bytes:
        yield f"has {size} bytes, not {file.bytes}: it was {'cut off' if size < file.bytes else 'added to'}"
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != file.sha256:
        yield f"was altered: its SHA-256 is {found}, not {file.sha256}"
    if file.topic not in _READABLE:
        return
    content = Content(registry, file.topic, file.partition, partitions_of(BY_NAME[file.topic], manifest.partitions))
    last = file.begin - 1
    try:
        for records in read_records(path, CHUNK_RECORDS):
            for record in records:
                if not last < record.offset < file.end:
                    seen.broken.add(file.topic)
                    yield (
                        f"offset {record.offset} after {last}: offsets must grow from {file.begin} and stay below "
                        f"{file.end}"
                    )
                    return
                last = record.offset
            content.add(records)
    except CaseDamaged as damaged:
        seen.broken.add(file.topic)
        where = f"after offset {last}" if content.records else "from its beginning"
        yield f"{damaged} ({where}, {content.records} of {file.records} records read)"
        return
    except Exception as error:  # what an altered file says may be anything
        seen.broken.add(file.topic)
        yield f"holds what cannot be a record after offset {last}: {error}"
        return
    for name in ("records", "marks", "misplaced", "first_appended_at", "last_appended_at", "last_mark"):
        stated, counted = getattr(file, name), getattr(content, name)
        if stated != counted:
            yield f"{name}: {counted} found, the manifest says {stated}"
    seen.totals[file.topic] += content.total
    seen.records[file.topic] += content.records
    seen.marks[file.topic] += content.marks
    seen.known_ids.update(content.known_ids)


def _of_the_topics(manifest: Manifest, seen: _Seen) -> Iterator[Problem]:
    for topic, entry in manifest.topics.items():
        if topic in seen.broken or topic not in _READABLE:
            continue
        found = content_text(seen.totals[topic])
        if found != entry.content:
            yield Problem(MANIFEST_NAME, f"{topic}: the digest of its content is {found}, not {entry.content}")
        for name, stated, counted in (
            ("records", entry.records, seen.records[topic]),
            ("marks", entry.marks, seen.marks[topic]),
        ):
            if stated != counted:
                yield Problem(MANIFEST_NAME, f"{topic}: {name}: {counted} found, not {stated}")


def _notes(manifest: Manifest) -> Iterator[str]:
    """What may make results differ though the case is whole."""
    here = {entry.name: entry.sha256 for entry in shipped_policies()}
    for policy in manifest.policies:
        if here.get(policy.name) != policy.sha256:
            what = "says something else" if policy.name in here else "is not there"
            yield f"the policy {policy.name} of the exporting installation {what} here"
    if manifest.code_version != code_version():
        yield f"exported by release {manifest.code_version}, read by {code_version()}"
    for lost in manifest.lost:
        yield f"{lost.topic}/{lost.partition}: what lay below offset {lost.begin} was gone when it was exported"

"""A case file: a stretch of the log in one directory that can be carried away, verified, and imported elsewhere.

An Avro container file for each topic and partition, and a manifest that is written last: a directory without one is an
export that did not end. This module writes; `case_file_verify` reads it over, `case_file_merge` says what is published
where when it is imported.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from replay.case_file_content import NAMED_UNKNOWN, Content
from replay.case_file_manifest import (
    MANIFEST_NAME,
    FileEntry,
    LostRange,
    Manifest,
    TopicEntry,
    code_version,
    content_text,
    file_name,
    known_schemas,
    parse_manifest,
    shipped_policies,
)
from replay.case_file_records import OWNER_ONLY, RecordWriter
from schemas.registry import Registry
from schemas.topics import BY_NAME, REFERENCE, partitions_of
from schemas.wire.batches import RecordBatch
from sinks.blocks import Span

_OWNERS_DIRECTORY = 0o700
_UNFINISHED = f".{MANIFEST_NAME}.unfinished"


class NotEmpty(Exception):
    """The directory holds something already."""


class Source(NamedTuple):
    """Where a case comes from. ``since`` and ``before``: only what was appended in this range, UTC milliseconds, but
    for reference data, which is always whole. ``until``: the time that a wall-clock home had reached."""

    clock: Literal["wall", "event"]
    partitions: int
    since: int | None = None
    before: int | None = None
    until: int | None = None


class _Open(NamedTuple):
    """A file under way."""

    writer: RecordWriter
    content: Content


class CaseWriter:
    """Writes a case into a directory, which is made or must be empty; to be used with ``with``.

    ``spans`` are all that will be added, one a partition. A file is closed as soon as its span is whole, so as many are
    open as spans are under way. What was written is removed again when `finish` is not reached. Raises NotEmpty.
    """

    def __init__(self, directory: Path, source: Source, spans: Iterable[Span], registry: Registry) -> None:
        self.directory = directory
        self._source, self._registry = source, registry
        self._spans = {(span.topic, span.partition): span for span in spans}
        self._open: dict[tuple[str, int], _Open] = {}
        self._files: dict[tuple[str, int], FileEntry] = {}
        self._totals: dict[str, int] = {topic: 0 for topic, _ in self._spans}
        self._known: set[int] = set()
        self._unknown: set[int] = set()
        self._made = not directory.exists()
        directory.mkdir(mode=_OWNERS_DIRECTORY, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise NotEmpty(str(directory))
        self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._open.values():
            one.writer.abandon()
        if self._finished:
            return
        if self._made:
            shutil.rmtree(self.directory, ignore_errors=True)
            return
        for topic, partition in self._spans:
            (self.directory / file_name(topic, partition)).unlink(missing_ok=True)
        (self.directory / _UNFINISHED).unlink(missing_ok=True)

    def add(self, span: Span, batches: Sequence[RecordBatch]) -> int:
        """A piece of the log: of a partition they come in order. Returns how many records it brought.

        Raises `schemas.wire.batches.CorruptBatch`, OSError.
        """
        place = span.topic, span.partition
        one = self._open.get(place) or self._begin(place)
        records = [record for batch in batches for record in batch.records() if span.begin <= record.offset < span.end]
        if span.topic != REFERENCE.name:
            since, before = self._source.since, self._source.before
            if since is not None:
                records = [record for record in records if record.appended_at >= since]
            if before is not None:
                records = [record for record in records if record.appended_at < before]
        one.content.add(records)
        one.writer.write(records)
        if span.end == self._spans[place].end:
            self._close(place)
        return len(records)

    def finish(
        self, created_at: int, lost: Sequence[LostRange] = (), campaigns: Mapping[str, Mapping[str, Any]] | None = None
    ) -> tuple[Manifest, str]:
        """Write the manifest; from here on it is a case. Returns it with its digest. Raises ValueError where a span is
        not whole."""
        for place, span in self._spans.items():
            if place not in self._files:
                if span.end > span.begin:
                    raise ValueError(f"{span.topic}/{span.partition} is not whole")
                self._begin(place)
                self._close(place)
        files = [self._files[place] for place in sorted(self._files)]
        schemas, _ = known_schemas(self._registry, self._known)
        until = self._source.until
        if until is not None:  # a broker's clock may be ahead of ours
            until = max([until, *(file.last_appended_at for file in files if file.last_appended_at is not None)])
        manifest = Manifest(
            created_at=created_at,
            code_version=code_version(),
            clock=self._source.clock,
            partitions=self._source.partitions,
            since=self._source.since,
            before=self._source.before,
            until=until,
            topics={topic: _topic_entry(topic, files, total) for topic, total in sorted(self._totals.items())},
            files=files,
            schemas=schemas,
            unknown_schemas=sorted(self._unknown)[:NAMED_UNKNOWN],
            policies=shipped_policies(),
            lost=list(lost),
            campaigns={name: dict(account) for name, account in (campaigns or {}).items()},
        )
        text = manifest.to_json()
        unfinished = self.directory / _UNFINISHED
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        _sync_directory(self.directory)
        unfinished.rename(self.directory / MANIFEST_NAME)
        self._finished = True
        _sync_directory(self.directory)
        return parse_manifest(text)

    def _begin(self, place: tuple[str, int]) -> _Open:
        topic, partition = place
        partitions = partitions_of(BY_NAME[topic], self._source.partitions)
        self._open[place] = _Open(
            RecordWriter(self.directory / file_name(topic, partition)),
            Content(self._registry, topic, partition, partitions),
        )
        return self._open[place]

    def _close(self, place: tuple[str, int]) -> None:
        writer, content = self._open.pop(place)
        written = writer.finish()
        span = self._spans[place]
        self._totals[span.topic] += content.total
        self._known |= content.known_ids
        self._unknown |= content.unknown_ids
        self._files[place] = FileEntry(
            topic=span.topic,
            partition=span.partition,
            begin=span.begin,
            end=span.end,
            records=content.records,
            marks=content.marks,
            misplaced=content.misplaced,
            first_appended_at=content.first_appended_at,
            last_appended_at=content.last_appended_at,
            last_mark=content.last_mark,
            bytes=written.bytes,
            sha256=written.sha256,
        )


def _topic_entry(topic: str, files: Iterable[FileEntry], total: int) -> TopicEntry:
    own = [file for file in files if file.topic == topic]
    return TopicEntry(
        records=sum(file.records for file in own),
        marks=sum(file.marks for file in own),
        content=content_text(total),
    )


def _sync_directory(directory: Path) -> None:
    """The names in a directory outlive a power cut, where the file system can promise it."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

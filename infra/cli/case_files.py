"""`case export|verify|import`: a recorded log as a directory that can be carried away and used elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.arguments import time_of
from infra.cli.output import JsonOption, errors, progress, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from replay.case_file_manifest import Manifest
    from replay.case_file_verify import Verification

app = typer.Typer(help="A recorded log in one directory: export it, verify it, import it into another home.")

DirectoryArgument = Annotated[Path, typer.Argument(help="Directory of the case file.")]


@app.command("export")
def export(
    directory: DirectoryArgument,
    since: Annotated[str | None, typer.Option("--from", help="Only what was appended from this time on.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="... and before this time, ISO 8601 with an offset.")
    ] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic, and reference (may be repeated).")] = None,
    restricted: Annotated[bool, typer.Option("--restricted", help="Urgent care too: for restricted readers.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Write the log, or a part of it, into a new directory; reference data is always whole."""
    from infra.case_files import Wanted, export_case, topics_wanted
    from infra.cli.reaching import home_with

    wanted = Wanted(topics_wanted(topic or (), restricted), time_of("--from", since), time_of("--to", until))
    if wanted.since is not None and wanted.before is not None and wanted.since >= wanted.before:
        raise WrongSetting(f"--from {since} --to {until}: nothing lies between; give the earlier time first")
    home = home_with("kafka")
    with progress() as shown:
        task = shown.add_task("exporting", total=None)
        exported = export_case(
            home, directory, wanted, lambda done, whole: shown.update(task, completed=done, total=whole)
        )
    manifest = exported.manifest
    for lost in manifest.lost:
        errors.print(f"{lost.topic}/{lost.partition}: the log begins at offset {lost.begin}, what lay before is gone")
    if json_output:
        write_json(_summary(manifest, exported.digest))
    else:
        _print_topics(manifest)
        errors.print(f"exported {manifest.records} records, {manifest.bytes} bytes; digest {exported.digest}")


@app.command("verify")
def verify(directory: DirectoryArgument, json_output: JsonOption = False) -> None:
    """Read a case file over; exit status 1 when it is not what was written, or cannot be read here."""
    found = _verified(directory)
    if json_output:
        document: dict[str, Any] = {
            "holds": found.holds,
            "problems": [one._asdict() for one in found.problems],
            "notes": found.notes,
        }
        if found.manifest is not None and found.digest is not None:
            document |= _summary(found.manifest, found.digest)
        write_json(document)
    else:
        _tell(found)
    if not found.holds:
        raise typer.Exit(1)


@app.command("import")
def import_(directory: DirectoryArgument, json_output: JsonOption = False) -> None:
    """Verify a case file and publish it into an event-clock home whose log is empty."""
    from infra.case_files import import_case
    from infra.cli.reaching import home_with

    home = home_with("kafka")
    found = _verified(directory)
    if not found.holds or found.manifest is None or found.digest is None:
        _tell(found)
        raise typer.Exit(1)
    for note in found.notes:
        errors.print(note)
    with progress() as shown:
        task = shown.add_task("importing", total=None)
        imported = import_case(
            home,
            directory,
            found.manifest,
            found.digest,
            lambda done, whole: shown.update(task, completed=done, total=whole),
        )
    for topic in imported.marks_end_unevenly:
        errors.print(f"{topic}: the clocks of its partitions ended at different times; here all end at the earliest")
    if json_output:
        write_json({"digest": found.digest, "published": dict(imported.records)})
    else:
        errors.print(f"imported {imported.records.total()} records, case {found.digest}")


def _verified(directory: Path) -> "Verification":
    from infra.case_files import verify_case

    with progress() as shown:
        task = shown.add_task("verifying", total=None)
        return verify_case(directory, lambda size: shown.advance(task, size))


def _tell(found: "Verification") -> None:
    if found.problems:
        write_table(found.problems[0]._fields, found.problems)
    for note in found.notes:
        errors.print(note)
    if found.problems:
        errors.print(f"{len(found.problems)} problems; the case cannot be relied on")
    elif found.manifest is not None:
        errors.print(f"{found.manifest.records} records, all as they were written; digest {found.digest}")


def _summary(manifest: "Manifest", digest: str) -> dict[str, Any]:
    """The manifest without what is long: schemas by name, no accounts of campaigns."""
    document = manifest.model_dump(mode="json", exclude={"schemas", "campaigns"})
    document["schemas"] = [schema.model_dump(exclude={"definition"}) for schema in manifest.schemas]
    return {"digest": digest, **document, "campaigns": sorted(manifest.campaigns)}


def _print_topics(manifest: "Manifest") -> None:
    rows = []
    for name, topic in manifest.topics.items():
        files = [file for file in manifest.files if file.topic == name]
        rows.append((name, len(files), topic.records, topic.marks, sum(file.bytes for file in files), topic.content))
    write_table(("topic", "partitions", "records", "marks", "bytes", "content"), rows)

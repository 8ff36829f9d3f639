"""Migrations: numbered, never changed, and their event tables are the Avro schemas."""

import re
from pathlib import Path

import pytest

from schemas.codes import Refusal
from schemas.registry import default_registry
from schemas.wire.fields import Field
from sinks.blocks import REASONS
from sinks.migrations import Cluster, migrations, statements
from sinks.tables import EVENT_TABLES, event_columns

_CREATE = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<table>[\w.]+) @OnCluster\n\(\n(?P<columns>.*?)\n\)\nENGINE", re.S)
_ALTER = re.compile(r"ALTER TABLE (?P<table>[\w.]+) @OnCluster\n(?P<changes>    (?:ADD|MODIFY) COLUMN .*?);\n", re.S)
_ENUM_ITEM = re.compile(r"'(\w*)' = (\d+)")


def tables() -> dict[str, dict[str, str]]:
    """Columns and types of every table, from the text of the migrations."""
    found: dict[str, dict[str, str]] = {}
    for migration in migrations():
        for table in _CREATE.finditer(migration.text):
            one_line = re.sub(r"\(\n\s+", "(", re.sub(r"\n    \)", ")", table["columns"]))
            columns = re.split(r",\n    (?=\w)", re.sub(r",\n {8}", ", ", one_line).strip())
            found[table["table"]] = dict(column.split(" ", 1) for column in columns)
        for table in _ALTER.finditer(migration.text):
            if table["table"] in found:
                found[table["table"]] = altered(found[table["table"]], table["changes"])
    return found


def altered(columns: dict[str, str], changes: str) -> dict[str, str]:
    """Columns after an `ALTER TABLE` that modifies them or adds some after others."""
    order, specs = list(columns), dict(columns)
    one_line = re.sub(r"\(\n\s+", "(", re.sub(r"\n    \)", ")", changes))
    for change in re.split(r",\n    (?=[A-Z])", re.sub(r",\n {8}", ", ", one_line).strip()):
        verb, _, _, column, spec = re.sub(r" IF (NOT )?EXISTS", "", change).replace(" COLUMN", " - -", 1).split(" ", 4)
        spec, _, before = spec.partition(" AFTER ")
        if verb == "ADD" and column not in specs:
            order.insert(order.index(before) + 1 if before else len(order), column)
        specs[column] = spec
    return {column: specs[column] for column in order}


def avro_type_of(spec: str) -> tuple[str, bool, tuple[str, ...]]:
    """Avro kind, whether nullable, and symbols, for a column's type."""
    spec = re.sub(r"^LowCardinality\((.*)\)$", r"\1", spec)
    nullable = spec.startswith("Nullable(")
    spec = re.sub(r"^Nullable\((.*)\)$", r"\1", spec)
    if spec.startswith("Enum8("):
        items = _ENUM_ITEM.findall(spec)
        assert [int(code) for _, code in items] == list(range(len(items)))
        return "enum", nullable, tuple(name for name, _ in items)
    kinds = {
        "String": "string",
        "Int64": "long",
        "Int32": "int",
        "Bool": "boolean",
        "DateTime64(3, 'UTC')": "timestamp-millis",
        "Array(String)": "array",
    }
    return kinds[spec], nullable, ()


def avro_type(shape: Field) -> tuple[str, bool, tuple[str, ...]]:
    return shape.logical or shape.kind, shape.nullable, shape.symbols


@pytest.mark.parametrize("topic", EVENT_TABLES)
def test_the_columns_of_an_event_table_are_the_fields_of_its_schema(topic: str) -> None:
    table = EVENT_TABLES[topic]
    columns = tables()[table.name]
    shapes = default_registry().latest(topic).shapes
    assert {shape.name: avro_type_of(columns[shape.name]) for shape in shapes} == {
        shape.name: avro_type(shape) for shape in shapes
    }
    assert [*event_columns(default_registry(), table), "rank"] == list(columns)


def test_the_reasons_of_arrivals_are_the_refusals() -> None:
    spec = tables()["checkline.arrivals"]["reason"]
    assert [(name, int(code)) for name, code in _ENUM_ITEM.findall(spec)] == list(zip(REASONS, range(99), strict=False))
    assert REASONS[1:] == tuple(Refusal)


def test_one_node_gets_plain_engines() -> None:
    for migration in migrations():
        for statement in statements(migration.text):
            assert "@" not in statement
            assert "Replicated" not in statement


def test_a_cluster_gets_replicated_tables_sharded_by_the_source_partition() -> None:
    [_, _, local, distributed, *_] = statements(migrations()[0].text, Cluster("main"))
    assert local.startswith("CREATE TABLE IF NOT EXISTS checkline.check_ins_local ON CLUSTER `main`")
    assert (
        "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', rank)"
        in local
    )
    assert distributed.endswith("ENGINE = Distributed('main', 'checkline', 'check_ins_local', partition)")
    texts = [text for migration in migrations() for text in statements(migration.text, Cluster("main"))]
    assert not any("@" in text for text in texts)
    assert all("ON CLUSTER `main`" in text for text in texts)
    [copy] = [text for text in texts if "arrivals_to_identities" in text]
    assert "TO checkline.identities_local AS" in copy
    assert "FROM checkline.arrivals_local" in copy


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0002_late.sql").write_text("SELECT 1;\n")
    with pytest.raises(ValueError, match="without gaps"):
        migrations(tmp_path)
    (tmp_path / "first.sql").write_text("SELECT 1;\n")
    with pytest.raises(ValueError, match=r"first\.sql"):
        migrations(tmp_path)

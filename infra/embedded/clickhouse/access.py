"""What the reader may not do. The engine's readonly mode stops writes; it does not stop reading files and addresses
through table functions, nor raising one's own limits: those are judged here, on the engine's own parse of a statement.
"""

import re

from infra.embedded.clickhouse.errors import ACCESS_DENIED, READONLY, ServerError

TABLE_FUNCTIONS = frozenset(
    {
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "generate_series",
        "generateseries",
        "values",
        "view",
        "null",
        "primes",
    }
)
"""Table functions that touch nothing outside the tables, in lower case."""

_SCALARS_NAMED_LIKE_TABLE_FUNCTIONS = frozenset({"format"})
_OUTSIDE_FUNCTIONS = frozenset({"file", "catboostevaluate", "executable"})

SYSTEM_TABLES = frozenset(
    {
        *(
            "one",
            "numbers",
            "tables",
            "columns",
            "databases",
            "parts",
            "parts_columns",
            "projections",
            "projection_parts",
        ),
        *(
            "functions",
            "settings",
            "formats",
            "data_type_families",
            "table_engines",
            "merges",
            "mutations",
            "processes",
        ),
        *("data_skipping_indices", "build_options"),
    }
)

_FROZEN_SETTINGS = re.compile(
    r"readonly|allow_ddl|max_memory_usage\w*|memory_overcommit\w*|log_comment|allow_introspection_functions", re.I
)
_TABLE_EXPRESSION = re.compile(r"^( *)TableExpression[^\n]*\n \1Function (\w+)", re.M)
_FUNCTION = re.compile(r"^ *Function (\w+)", re.M)
_SYSTEM_TABLE = re.compile(r"^ *(?:Table)?Identifier system\.(\w+)", re.M | re.I)
_SYSTEM_QUERY = re.compile(r"^ *\w+Query system (\w+)", re.M | re.I)
_STRING = re.compile(r"'(?:\\.|[^'\\])*'", re.S)
_ASSIGNED = re.compile(r"[`\"]?(\w+)[`\"]?\s*=(?!=)")
_USE_SYSTEM = re.compile(r"USE\s+(?:DATABASE\s+)?\W*system\b", re.I)


def check_database(name: str) -> None:
    """The reader names system tables in full, so that they can be told apart. Raises ServerError (497)."""
    if name.lower() == "system":
        raise ServerError(ACCESS_DENIED, "Not enough privileges: database system. (ACCESS_DENIED)")


def check_setting(name: str) -> None:
    """The reader's limits are not the reader's to change. Raises ServerError (164)."""
    if _FROZEN_SETTINGS.fullmatch(name):
        raise ServerError(READONLY, f"Cannot modify '{name}' setting in readonly mode. (READONLY)")


def check_formatted(statement: str) -> None:
    """`statement` as the engine formats it: no frozen setting is assigned, `system` is not made the default."""
    bare = _STRING.sub("''", statement)
    if _USE_SYSTEM.match(bare):
        check_database("system")
    if re.match(r"SET\s", bare, re.I) or re.search(r"\bSETTINGS\s", bare, re.I):
        for name in _ASSIGNED.findall(bare):
            check_setting(name)


def check_tree(tree: str, table_functions: frozenset[str]) -> None:
    """`tree`: the answer of EXPLAIN AST; `table_functions`: all that the engine has, in lower case.

    Raises ServerError (497) where the statement leaves the tables.
    """
    for _, name in _TABLE_EXPRESSION.findall(tree):
        if name.lower() not in TABLE_FUNCTIONS:
            raise ServerError(ACCESS_DENIED, f"Not enough privileges: table function {name}. (ACCESS_DENIED)")
    denied = (table_functions - TABLE_FUNCTIONS - _SCALARS_NAMED_LIKE_TABLE_FUNCTIONS) | _OUTSIDE_FUNCTIONS
    for name in _FUNCTION.findall(tree):
        if name.lower() in denied or re.match(r"ai[A-Z]", name):
            raise ServerError(ACCESS_DENIED, f"Not enough privileges: function {name}. (ACCESS_DENIED)")
    for name in _SYSTEM_TABLE.findall(tree) + _SYSTEM_QUERY.findall(tree):
        if name not in SYSTEM_TABLES:
            raise ServerError(ACCESS_DENIED, f"Not enough privileges: system.{name}. (ACCESS_DENIED)")

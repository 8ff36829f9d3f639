"""What the reader may not do. The engine's readonly mode stops writes; it does not stop reading files and addresses
through table functions, raising one's own limits, nor reading a database that is hidden from the reader: those are
judged here, on the engine's own parse of a statement.

A hidden database (`*` in its name stands for any letters) may not be named at all, not even in a text, so that no way
of naming it needs to be known here. Its rows in system tables, and so in information_schema and SHOW, are left out by a
filter of the engine.
"""

import re
from collections.abc import Collection, Iterable

from infra.embedded.clickhouse.errors import ACCESS_DENIED, READONLY, ServerError
from infra.embedded.clickhouse.statements import quote

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
# They take the name of a table or dictionary as a text, which can be put together from pieces.
_FUNCTIONS_OF_NAMES = re.compile(r"(joinget|dict|hascolumnintable)\w*", re.I)

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
    r"readonly|allow_ddl|additional_table_filters|max_memory_usage\w*|memory_overcommit\w*|log_comment|"
    r"allow_introspection_functions",
    re.I,
)
_TABLE_EXPRESSION = re.compile(r"^( *)TableExpression[^\n]*\n \1Function (\w+)", re.M)
_FUNCTION = re.compile(r"^ *Function (\w+)", re.M)
_SYSTEM_TABLE = re.compile(r"^ *(?:Table)?Identifier system\.(\w+)", re.M | re.I)
_SYSTEM_QUERY = re.compile(r"^ *\w+Query system (\w+)", re.M | re.I)
_STRING = re.compile(r"'(?:\\.|[^'\\])*'", re.S)
_ASSIGNED = re.compile(r"[`\"]?(\w+)[`\"]?\s*=(?!=)")
_TABLE = re.compile(r"^ *(?:Table)?Identifier (\S+)", re.M)
_USE_SYSTEM = re.compile(r"USE\s+(?:DATABASE\s+)?\W*system\b", re.I)

_ROWS_OF_DATABASES = {
    **dict.fromkeys(("tables", "columns", "parts", "parts_columns", "projections", "projection_parts"), "database"),
    **dict.fromkeys(("merges", "mutations", "data_skipping_indices"), "database"),
    "databases": "name",
}
"""System tables that tell of databases, and the column with the name."""


def table_filters(hidden: Collection[str]) -> str:
    """The value of the engine's setting `additional_table_filters` that leaves hidden databases out of the tables of
    `system`."""
    names = quote(f"^({_any_of(hidden)})$")
    filters = {f"system.{table}": f"NOT match({column}, {names})" for table, column in _ROWS_OF_DATABASES.items()}
    filters["system.processes"] = f"NOT match(query, {quote(_any_of(hidden))})"
    return "{" + ", ".join(f"{quote(table)}: {quote(kept)}" for table, kept in filters.items()) + "}"


def _any_of(hidden: Collection[str]) -> str:
    """Regular expression, the same for us and for the engine, of the names of hidden databases."""
    return "|".join(r"\w*".join(map(re.escape, name.split("*"))) for name in hidden)


def check_database(name: str, hidden: Collection[str] = ()) -> None:
    """The reader names system tables in full, so that they can be told apart. Raises ServerError (497)."""
    if name.lower() == "system" or (hidden and re.fullmatch(_any_of(hidden), name)):
        raise _denied(f"database {name}")


def check_setting(name: str) -> None:
    """The reader's limits are not the reader's to change. Raises ServerError (164)."""
    if _FROZEN_SETTINGS.fullmatch(name):
        raise ServerError(READONLY, f"Cannot modify '{name}' setting in readonly mode. (READONLY)")


def _denied(what: str) -> ServerError:
    return ServerError(ACCESS_DENIED, f"Not enough privileges: {what}. (ACCESS_DENIED)")


def check_formatted(statement: str, hidden: Collection[str] = ()) -> None:
    """`statement` as the engine formats it: no frozen setting is assigned, `system` is not made the default, no hidden
    database is named. Raises ServerError (164, 497)."""
    _check_names(statement, hidden)
    bare = _STRING.sub("''", statement)
    if _USE_SYSTEM.match(bare):
        check_database("system")
    if re.match(r"SET\s", bare, re.I) or re.search(r"\bSETTINGS\s", bare, re.I):
        for name in _ASSIGNED.findall(bare):
            check_setting(name)


def _check_names(text: str, hidden: Collection[str]) -> None:
    if hidden and (found := re.search(rf"(?<!\w)({_any_of(hidden)})(?!\w)", text)):
        raise _denied(f"database {found[1]}")


def tables_that_read(hidden: Collection[str], definitions: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Names, without their database, of what reads a hidden database, also through others.

    `definitions`: name and CREATE statement of every view and of every table that stands for others.
    """
    definitions = list(definitions)
    found: set[str] = set()
    while True:
        words = "|".join([_any_of(hidden), *map(re.escape, found)])
        more = {name for name, text in definitions if re.search(rf"(?<!\w)({words})(?!\w)", text)}
        if more <= found:
            return frozenset(found)
        found |= more


def check_tree(
    tree: str, table_functions: frozenset[str], hidden: Collection[str] = (), hidden_tables: Collection[str] = ()
) -> None:
    """`tree`: the answer of EXPLAIN AST, in which parameters are replaced; `table_functions`: all that the engine has,
    in lower case; `hidden_tables`: names without their database.

    Raises ServerError (497) where the statement leaves the tables, or names what is hidden.
    """
    _check_names(tree, hidden)
    for name in _TABLE.findall(tree) if hidden_tables else ():
        if name.rpartition(".")[2] in hidden_tables:
            raise _denied(f"table {name}")
    for _, name in _TABLE_EXPRESSION.findall(tree):
        if name.lower() not in TABLE_FUNCTIONS:
            raise _denied(f"table function {name}")
    denied = (table_functions - TABLE_FUNCTIONS - _SCALARS_NAMED_LIKE_TABLE_FUNCTIONS) | _OUTSIDE_FUNCTIONS
    for name in _FUNCTION.findall(tree):
        if name.lower() in denied or re.match(r"ai[A-Z]", name) or (hidden and _FUNCTIONS_OF_NAMES.fullmatch(name)):
            raise _denied(f"function {name}")
    for name in _SYSTEM_TABLE.findall(tree) + _SYSTEM_QUERY.findall(tree):
        if name not in SYSTEM_TABLES:
            raise _denied(f"system.{name}")

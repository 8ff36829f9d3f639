"""What the embedded ClickHouse reads out of a statement's text."""

import pytest

from infra.embedded.clickhouse import access
from infra.embedded.clickhouse.errors import ServerError, from_engine
from infra.embedded.clickhouse.statements import (
    Insert,
    InsertInput,
    first_word,
    parse_insert,
    quote,
    quote_name,
    settings_of,
    strip_comments,
    strip_format,
    unquote,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO t VALUES", Insert("t", "", "")),
        ("insert into lab.t (a, `b c`) values ;", Insert("lab.t", "(a, `b c`)", "")),
        ("INSERT INTO TABLE `lab`.`t` FORMAT Native", Insert("`lab`.`t`", "", "")),
        ("INSERT INTO t (* EXCEPT(a)) VALUES", Insert("t", "(* EXCEPT(a))", "")),
        ("INSERT INTO t (a) SETTINGS async_insert = 0 VALUES", Insert("t", "(a)", "async_insert = 0")),
        (
            "INSERT INTO t (a) SELECT a + 1 FROM input('a Int8, e Enum8(\\'x\\' = 1)') WHERE a > 0 FORMAT Native",
            InsertInput("INSERT INTO t (a) SELECT a + 1 FROM ", "'a Int8, e Enum8(\\'x\\' = 1)'", " WHERE a > 0"),
        ),
        ("INSERT INTO t VALUES (1, 2)", None),
        ("INSERT INTO t SELECT 1", None),
        ("SELECT 'INSERT INTO t VALUES'", None),
    ],
)
def test_inserts_whose_rows_follow_are_known(text: str, expected: object) -> None:
    assert parse_insert(text) == expected


def test_comments_before_and_the_format_after_a_statement_are_taken_off() -> None:
    assert strip_comments("-- one\n /* two\n */ SELECT 1 -- three") == "SELECT 1 -- three"
    assert strip_format("SELECT 1 FORMAT Vertical;") == "SELECT 1"
    assert strip_format("SELECT 'x FORMAT y'") == "SELECT 'x FORMAT y'"
    assert first_word("((select 1))") == "SELECT"
    assert first_word("") == ""


def test_literals_and_names_are_quoted() -> None:
    assert quote("it's \\ here") == "'it\\'s \\\\ here'"
    assert quote_name("a`b\\") == "`a\\`b\\\\`"
    for text in ("", "plain", "it's", "a\\'b", "\\\\n"):
        assert unquote(quote(text)) == text
    assert unquote("3") == "3"


def test_the_settings_of_a_set_are_read() -> None:
    assert settings_of("SET max_threads = 3, log_queries='0'") == {"max_threads": "3", "log_queries": "0"}


def test_the_code_is_found_in_the_engines_text() -> None:
    error = from_engine(
        RuntimeError("Append failed: Code: 60. DB::Exception: Table lab.nope does not exist. (UNKNOWN_TABLE)")
    )
    assert (error.code, str(error)) == (60, "Table lab.nope does not exist. (UNKNOWN_TABLE)")
    assert from_engine(RuntimeError("odd")).code == 1002


@pytest.mark.parametrize(
    "formatted",
    [
        "SET readonly = 0",
        "SELECT 1\nSETTINGS max_threads = 1, max_memory_usage = 0",
        "USE system",
        "USE DATABASE `system`",
    ],
)
def test_limits_and_the_system_database_are_out_of_the_readers_reach(formatted: str) -> None:
    with pytest.raises(ServerError):
        access.check_formatted(formatted)


@pytest.mark.parametrize("formatted", ["SET max_threads = 1", "SELECT 1 WHERE 'readonly = 0' != ''", "USE systematic"])
def test_what_only_looks_like_a_limit_is_allowed(formatted: str) -> None:
    access.check_formatted(formatted)


def test_only_harmless_functions_stand_where_tables_do() -> None:
    functions = frozenset({"numbers", "file", "format", "url"})
    access.check_tree("TableExpression (children 1)\n Function numbers (children 1)", functions)
    access.check_tree("ExpressionList\n Function format (children 1)", functions)
    for tree in (
        "TableExpression (children 1)\n Function format (children 1)",
        " ExpressionList\n  Function FILE (children 1)",
        " ExpressionList\n  Function aiGenerate (children 1)",
        "   TableIdentifier system.users (alias u)",
        "ShowCreateTableQuery system users (children 2)",
    ):
        with pytest.raises(ServerError):
            access.check_tree(tree, functions)

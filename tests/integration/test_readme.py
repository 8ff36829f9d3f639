"""The commands that the README shows exist with the options it names, and the cheap ones run."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import app
from tests.integration.conftest import FedHome
from tests.unit.infra.test_event_files import READING

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# They start or stop something, or are run by tests of their own.
NOT_RUN_HERE = ("up", "simulate", "down", "figures", "audit")


def shown() -> list[tuple[list[str], str]]:
    """The words of each command of "Staying up", and the comment beside it."""
    (block,) = re.findall(r"^## Staying up\n+```\n(.*?)^```", README, re.S | re.M)
    return [
        (shlex.split(call), comment)
        for line in block.splitlines()
        for commands, _, comment in [line.partition("  #")]
        for call in commands.split("; ")
        if call.strip()  # a line may go on with a comment alone
    ]


SHOWN = shown()
(_OPERATIONS,) = re.findall(r"^## Operations\n.*?^```\n(.*?)^```", README, re.S | re.M)
OPERATIONS = [line.partition("  #")[0] for line in _OPERATIONS.splitlines()]
LATER = re.findall(r"^checkline ([a-z-]+)(?: ([a-z]+))?(.*)$", README.split("## What was known then")[1], re.M)


def test_the_readme_shows_the_commands() -> None:
    assert all(words[0] == "checkline" for words, _ in SHOWN)
    assert {words[1] for words, _ in SHOWN} == {
        *("up", "simulate", "figures", "explain", "sql", "lag", "audit", "publish", "status", "down"),
    }


@pytest.mark.parametrize(("words", "comment"), SHOWN, ids=[words[1] for words, _ in SHOWN])
def test_every_command_and_option_of_the_readme_is_there(words: list[str], comment: str) -> None:
    result = CliRunner().invoke(app, [words[1], "--help"], env={"TERMINAL_WIDTH": "200"})
    assert result.exit_code == 0
    for option in re.findall(r"--[a-z-]+", " ".join([*words, comment])):
        assert f"{option} " in result.stdout


@pytest.mark.parametrize("call", OPERATIONS)
def test_what_operations_teams_are_shown_is_there(call: str) -> None:
    words = shlex.split(call)[1:]
    named = [word for word in words if re.fullmatch(r"[a-z]+(-[a-z]+)?", word)]
    result = CliRunner().invoke(app, [*named, "--help"], env={"TERMINAL_WIDTH": "200"})
    assert result.exit_code == 0, result.stderr
    assert all(f"{word} " in result.stdout for word in words if word.startswith("--"))


@pytest.mark.parametrize(("command", "word", "rest"), LATER, ids=lambda part: part.strip()[:30])
def test_what_is_shown_of_the_past_is_there(command: str, word: str, rest: str) -> None:
    words = [command, word] if command in ("replay", "case", "policy") else [command]
    result = CliRunner().invoke(app, [*words, "--help"], env={"TERMINAL_WIDTH": "200"})
    assert result.exit_code == 0
    options = re.findall(r"--[a-z-]+", rest)
    assert all(f"{option} " in result.stdout for option in options)


@pytest.mark.parametrize("option", re.findall(r"`checkline ([a-z]+) (--[a-z-]+)`", README), ids=" ".join)
def test_every_option_named_in_the_text_is_there(option: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, [option[0], "--help"], env={"TERMINAL_WIDTH": "200"})
    assert f"{option[1]} " in result.stdout


CHEAP = [words[1:] for words, _ in SHOWN if words[1] not in NOT_RUN_HERE]


@pytest.mark.parametrize("words", CHEAP, ids=[words[0] for words in CHEAP])
def test_the_cheap_commands_of_the_readme_run(fed_home: FedHome, words: list[str]) -> None:
    file = fed_home.home.directory.parent / "events.jsonl"
    file.write_text(json.dumps({**READING, "source": "readme"}) + "\n", encoding="utf-8")
    token = "SELECT min(token) FROM checkline.follow_ups"
    known = json.loads(fed_home.call("sql", "--json", token).stdout)["rows"][0][0]
    result = fed_home.call(*(known if word == "p00..." else word for word in words))
    assert result.returncode == 0, result.stderr
    assert result.stdout or result.stderr == "1 published, 0 bad\n"
    fed_home.catch_up()

"""The files of the page: both languages say the same things, and nothing comes from elsewhere."""

import json
import re
from importlib.resources import files

import pytest
from typer.main import get_command

from infra.cli import app
from infra.console.behind import ASKED, COMMANDS, QUERIES, behind
from infra.console.drawing import stages
from infra.console.files import page_files
from infra.lag.questions import QUESTIONS
from infra.settings import OperationsSettings
from tests.support import snapshots

FILES = page_files()
EN, ZH = (json.loads(FILES[f"messages.{language}.json"].body) for language in ("en", "zh"))
SCRIPTS = {name: file.body.decode() for name, file in FILES.items() if name.endswith(".js")}


def test_both_languages_have_the_same_messages() -> None:
    assert EN.keys() == ZH.keys()


@pytest.mark.parametrize("key", [key for key, text in EN.items() if "{" in text])
def test_both_languages_tell_the_same_values(key: str) -> None:
    assert set(re.findall(r"\{\w+\}", EN[key])) == set(re.findall(r"\{\w+\}", ZH[key]))


def test_every_message_that_a_script_names_is_there() -> None:
    named = {key for text in SCRIPTS.values() for key in re.findall(r'\bt\("(\w+)"', text)}
    named |= {key for text in SCRIPTS.values() for key in re.findall(r'\bstat\("\w+", "(\w+)"', text)}
    named |= {key for text in SCRIPTS.values() for key in re.findall(r'^\s+\["(\w+)", \(', text, re.MULTILINE)}
    assert len(named) > 100
    assert named <= EN.keys()


def test_every_stage_and_fact_has_a_message() -> None:
    drawn = stages(snapshots.rich(), OperationsSettings())
    wanted = {f"stage_{stage.name}" for stage in drawn}
    wanted |= {f"fact_{fact.name}" for stage in drawn for node in stage.nodes for fact in node.facts}
    wanted |= {f"why_{node.why}" for stage in drawn for node in stage.nodes if node.why}
    assert wanted <= EN.keys()


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_written_as_markup() -> None:
    for name, file in FILES.items():
        text = file.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name
    page = FILES["index.html"].body.decode()
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|<style", page)


def test_every_question_that_a_section_names_is_asked() -> None:
    names = {question.name for question in QUESTIONS}
    assert {name for section in ASKED.values() for name in section} <= names


def test_every_section_of_the_page_leads_to_something() -> None:
    sections = set(
        re.findall(r'behind: "(\w+)"', SCRIPTS["sections.js"] + SCRIPTS["alarms.js"] + SCRIPTS["drawing.js"])
    )
    found = behind()
    assert sections <= found.keys()
    assert all(found[section] for section in sections)
    assert found["clocks"][0].kind == "sql"
    assert COMMANDS.keys() <= found.keys()


COMMAND_LINES = [line for lines in COMMANDS.values() for line, _ in lines]


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_is_one_that_can_be_called(line: str) -> None:
    program, *words = line.split()
    assert program == "checkline"
    command = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands"), f"{line}: no such command"
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_view_that_a_query_of_ours_names_is_made_by_a_migration() -> None:
    migrations = "".join(path.read_text(encoding="utf-8") for path in (files("sinks") / "ddl").iterdir())
    views = [view for _, query in QUERIES.values() for view in re.findall(r"checkline\.\w+", query)]
    assert views
    assert all(f"VIEW {view} " in migrations for view in views)

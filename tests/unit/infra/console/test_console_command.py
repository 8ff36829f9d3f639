"""`checkline console`: users and the address of the page."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli.console import app
from infra.console.users import Users
from infra.errors import WrongSetting
from infra.home import Home
from infra.settings import read_settings
from tests.support.console import PASSWORD, USER


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CHECKLINE_HOME", str(tmp_path / "home"))
    return Home.open(read_settings())


def _run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=given)


def test_users_are_added_listed_and_removed(home: Home) -> None:
    assert _run("user", "add", USER, "--password-stdin", given=PASSWORD + "\n").exit_code == 0
    file = home.directory / "operations" / "users.json"
    assert Users(file).check(USER, PASSWORD)
    listed = _run("user", "list", "--json")
    assert [one["name"] for one in json.loads(listed.stdout)["users"]] == [USER]
    assert PASSWORD not in listed.output
    assert _run("user", "remove", USER).exit_code == 0
    assert _run("user", "remove", USER).exit_code == 1
    assert Users(file).all() == []


def test_a_short_password_and_a_missing_terminal_are_refused(home: Home) -> None:
    short = _run("user", "add", USER, "--password-stdin", given="short\n")
    assert isinstance(short.exception, WrongSetting)
    nowhere = _run("user", "add", USER, given="")
    assert isinstance(nowhere.exception, WrongSetting)
    assert "--password-stdin" in str(nowhere.exception)


@pytest.fixture
def another_server(home: Home) -> Iterator[None]:
    class Another(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>not the page</html>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", home.operations_port), Another) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_the_address_is_told_and_whether_the_page_answers_there(home: Home) -> None:
    found = _run("open", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout) == {"address": home.operations_address, "answers": False}


@pytest.mark.usefixtures("another_server")
def test_another_process_on_the_port_is_not_the_page(home: Home) -> None:
    assert json.loads(_run("open", "--json").stdout)["answers"] is False

"""`console open`, `console user add|remove|list`: where the operations page is, and who may act from it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import JsonOption, errors, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from infra.console.users import Users

app = typer.Typer(help="The operations page: its address, and who may act from it.")
user = typer.Typer(help="Who may act from the operations page. Reading it needs no login.")
app.add_typer(user, name="user")

NameArgument = Annotated[str, typer.Argument(help="Name of the user, as it will stand on record.")]


@app.command("open")
def open_page(
    browser: Annotated[bool, typer.Option("--browser", help="Open it in this machine's browser as well.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Print the address of the page; exit status 1 when nobody answers there."""
    from infra.cli.reaching import home_with

    address = home_with().operations_address
    answers = _answers(address)
    if json_output:
        write_json({"address": address, "answers": answers})
    else:
        print(address)
    if not answers:
        errors.print("nobody answers there; start it with checkline up")
        raise typer.Exit(1)
    if browser:
        import webbrowser

        webbrowser.open(address)


@user.command("add")
def add_user(
    name: NameArgument,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
    ] = False,
) -> None:
    """Add a user, or give one a new password, which ends their sessions."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else _asked()
    new = _users().add(name, password)
    errors.print(f"{name}: {'added' if new else 'has a new password; open sessions have ended'}")


@user.command("remove")
def remove_user(name: NameArgument) -> None:
    """Remove a user, and end their sessions; exit status 1 when there is none of that name."""
    if not _users().remove(name):
        errors.print(f"there is no user {name}; see checkline console user list")
        raise typer.Exit(1)
    errors.print(f"{name}: removed; open sessions have ended")


@user.command("list")
def list_users(json_output: JsonOption = False) -> None:
    """List the users, and when each got their password."""
    from datetime import UTC, datetime

    found = [(one.name, datetime.fromtimestamp(one.added_at / 1000, UTC)) for one in _users().all()]
    if json_output:
        write_json({"users": [{"name": name, "password_since": since} for name, since in found]})
        return
    if found:
        write_table(("name", "password since"), [(name, since.isoformat(timespec="seconds")) for name, since in found])
    errors.print(f"{len(found)} users")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise WrongSetting("--password-stdin: no terminal to ask at; give the option, and the password on the input")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    return password


def _users() -> "Users":
    from infra.cli.reaching import home_with
    from infra.console.users import Users, users_file

    return Users(users_file(home_with()))


def _answers(address: str) -> bool:
    """Whether it is the page that answers, not merely some process on its port."""
    import json
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
            return "status" in json.load(answer)
    except urllib.error.HTTPError as error:  # it answers that it sees nothing new
        return error.code == 503
    except (OSError, ValueError):
        return False

"""`checkline ...`: one module per group of commands.

Exit status: 0 done; 1 the answer is "no"; 2 a wrong call, or something that is needed is not there (one line says
what). A command that reads takes `--json` and then writes one JSON document to standard output and nothing else there.

Modules of commands import at their top only what every command needs; what takes a while to import is imported by the
command that uses it, so that `status`, `sql` and `--help` answer at once.
"""

import os
import sys

import typer
from typer.exceptions import TyperException

from infra.cli import (
    alarms,
    asking,
    backtesting,
    campaigns,
    case_files,
    console,
    coverage,
    dead_letters,
    explaining,
    inspecting,
    policies,
    publishing,
    replaying,
    running,
)
from infra.cli.failures import in_one_line, of_a_call
from infra.cli.output import complain

INTERRUPTED = 130

app = typer.Typer(
    name="checkline",
    help="Event-sourced stream processing for epidemic checkpoints.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(running.up)
app.command()(running.down)
app.command()(running.status)
app.command(hidden=True)(running.part)
app.command()(publishing.publish)
app.command()(campaigns.demo)
app.command()(campaigns.simulate)
app.command()(campaigns.figures)
app.command()(explaining.explain)
app.command()(explaining.as_of)
app.command()(backtesting.backtest)
app.command()(backtesting.shadow)
app.command()(coverage.coverage)
app.command()(inspecting.audit)
app.command()(inspecting.lag)
app.command()(asking.sql)
app.command()(alarms.on_call)
app.command()(alarms.hand_over)
app.add_typer(alarms.app, name="alarms")
app.add_typer(console.app, name="console")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(case_files.app, name="case")
app.add_typer(policies.app, name="policy")
app.add_typer(replaying.app, name="replay")


def main() -> None:
    """The console script."""
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False, prog_name="checkline")
        sys.stdout.flush()
    except TyperException as error:
        complain(of_a_call(error))
        status = 2
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        # Who reads has seen enough. What is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        line = in_one_line(error)
        if line is None:
            raise
        complain(line)
        status = 2
    sys.exit(status or 0)

"""`checkline ...`: one module per group of commands.

Exit status: 0 done; 1 the answer is "no"; 2 a wrong call, or something that is needed is not there (one line says
what). A command that reads takes `--json` and then writes one JSON document to standard output and nothing else there.
"""

import errno
import sys

import typer

from infra.cli import asking, campaigns, inspecting, publishing, running
from infra.cli.output import complain
from infra.errors import CannotRun

app = typer.Typer(
    name="checkline",
    help="Event-sourced stream processing for epidemic checkpoints.",
    no_args_is_help=True,
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
app.command()(inspecting.explain)
app.command()(inspecting.audit)
app.command()(inspecting.lag)
app.command()(asking.sql)


def main() -> None:
    """The console script."""
    try:
        app()
    except CannotRun as error:
        complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        complain(f"the disk of {error.filename or 'CHECKLINE_HOME'} is full; free some, or set CHECKLINE_HOME")
        sys.exit(2)

"""The commands, the options that all of them have, and what becomes of errors."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from alembic_cascade.cli.options import environment_options
from alembic_cascade.dbapi_errors import detail, hint, message
from alembic_cascade.escaping import printable

COULD_NOT_RUN = 2

# Each is in the module of its name.
COMMANDS = ("audit", "compare", "doctor", "eject", "impact", "orphans", "quarantine", "rehearse", "report", "verify")


class CascadeGroup(click.Group):
    """Commands whose errors are one line, and exit with 2. One that is not run is not imported: that takes its time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"alembic_cascade.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CommandError as error:
            _fail(ctx, str(error))
        except DBAPIError as error:
            _fail(ctx, " ".join(filter(None, (f"{message(error)}.", detail(error), hint(error)))))
        except UnicodeEncodeError as error:
            # What Python makes of an argument's bytes that are no UTF-8: https://peps.python.org/pep-0383/ .
            if not all("\udc80" <= letter <= "\udcff" for letter in error.object[error.start : error.end]):
                raise
            _fail(ctx, "An argument has bytes that are no UTF-8, and PostgreSQL can't be asked for them.")
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            # What is left of it would be an error again when Python ends:
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _fail(ctx, f"It could not be written: {error.strerror}.")
        except click.Abort:
            _fail(ctx, "Interrupted. Nothing was changed.")
        except KeyboardInterrupt:
            # Not at a question, but at work: what was committed by then stays.
            _fail(ctx, "Interrupted.")


def _fail(ctx: click.Context, problem: str) -> NoReturn:
    click.echo(f"error: {printable(' '.join(problem.split()))}", err=True)
    ctx.exit(COULD_NOT_RUN)


@click.group(cls=CascadeGroup)
@click.version_option(package_name="alembic-cascade")
@environment_options
def cascade() -> None:
    """Look after the foreign keys of an Alembic project.

    audit, compare, doctor, impact, report and, unless --fix is said, orphans look and change nothing. verify tries
    things out in a transaction that is rolled back, rehearse runs migrations on a copy. eject rewrites files.
    Models and database are found by running env.py, in which the plugin need not be named.

    Exit status: 0 done, or nothing found; 1 findings, something in the way, or something that could not be restored;
    2 could not run, or the answer was no.
    """

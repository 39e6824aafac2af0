"""The command `shuke`. Each command is a file in `commands/`.

Exit codes: 0 done; 1 failed or a check found differences; 2 wrong usage; 3 cannot reach something;
4 refused by permission; 130 interrupted.
"""

import sys
from typing import Annotated, NoReturn

import typer

from shared.config import Config
from shared.errors import HttpProblem, Misconfigured, ShukeError, Unavailable
from shared.version import VERSION
from shuke.commands import (
    api,
    audit,
    connections,
    dead_letter,
    deliveries,
    demo,
    endpoints,
    erasures,
    keys,
    migrate,
    programs,
    rebuild,
    resume,
    rotate,
    rotate_index,
    staff,
    stores,
    stream,
    tail,
    topics,
    up,
    verify,
    worker,
)

FAILED, USAGE, UNREACHABLE, REFUSED, INTERRUPTED = 1, 2, 3, 4, 130

app = typer.Typer(
    name="shuke",
    help="Shuke (熟客): the membership platform for online stores.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(up.up)
app.command()(api.api)
app.command()(worker.worker)
app.command()(resume.resume)
app.command()(migrate.migrate)
app.command()(topics.topics)
app.command("one-process", hidden=True)(up.one_process)
app.command()(verify.verify)
app.command()(rebuild.rebuild)
app.command()(tail.tail)
app.add_typer(demo.app, name="demo")
app.add_typer(programs.app, name="programs")
app.add_typer(stores.app, name="stores")
app.add_typer(staff.app, name="staff")
app.add_typer(connections.app, name="connections")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(endpoints.app, name="endpoints")
app.add_typer(dead_letter.app, name="dead-letter")
rotate.app.command()(rotate_index.index)
keys.app.add_typer(rotate.app, name="rotate")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(erasures.app, name="erasures")
app.add_typer(stream.app, name="stream")


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        typer.echo(f"shuke {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Read the environment once; every command gets the same config."""
    if not context.resilient_parsing:
        context.obj = Config.from_environment()


def main() -> NoReturn:
    """Run a command; an error is one sentence on stderr and an exit code."""
    try:
        code = app(standalone_mode=False)  # of a typer.Exit; it raises none here
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except HttpProblem as error:
        _end(f"{error.code}: {error.detail}", REFUSED if error.status in {401, 403} else FAILED)
    except Unavailable as error:
        _end(str(error), UNREACHABLE)
    except Misconfigured as error:
        _end(str(error), USAGE)
    except ShukeError as error:
        _end(str(error), FAILED)
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):
            error.show()  # type: ignore[attr-defined]
            sys.exit(USAGE)
        raise
    sys.exit(code)


def _end(words: str, code: int) -> NoReturn:
    print(f"shuke: {words}", file=sys.stderr)
    sys.exit(code)

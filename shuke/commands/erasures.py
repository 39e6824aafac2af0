"""`shuke erasures`: what a restored backup has to forget again."""

import typer

from services.members.repeating import Repeater
from services.members.service import SERVICE as MEMBERS
from shared.clock import system
from shared.config import Config
from shuke.checking import Look
from shuke.operating import operate

app = typer.Typer(help="Who was forgotten, and stays so.", no_args_is_help=True)


@app.command()
def replay(context: typer.Context) -> None:
    """Destroy again the keys of whom the data folder knows as erased and the database does not.

    For a restored backup, before anything serves; API and worker of members do so at their start.

    Example: shuke erasures replay
    """
    config: Config = context.obj

    async def work(look: Look) -> int:
        repeater = Repeater(look.databases[MEMBERS.name], config.data_dir, system)
        return await repeater.repeat(repeater.read())

    typer.echo(f"{operate(config, [MEMBERS], work)} erasures are repeated")

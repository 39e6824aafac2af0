"""`shuke staff`: who may sign in, for whoever may read the key files."""

from typing import Annotated, Any

import typer

from services.gateway.staff import telling
from services.gateway.staff.managing import INVITED
from services.gateway.staff.model import ALL_STORES, Grant, Staff
from services.gateway.staff.schemas import ChangeStaff, NewStaff
from shared.config import Config
from shared.db.engine import Database
from shared.errors import Misconfigured
from shared.random_ids import uuid7
from shuke.operating import AsJson, at_gateway, tell, tell_all, validated
from shuke.staffing import OPERATOR, accounts, acting

app = typer.Typer(help="Who may sign in.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail of the staff member.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List staff.

    Example: shuke staff list
    """
    config: Config = context.obj

    async def work(database: Database) -> list[dict[str, Any]]:
        found = await accounts(config, database).list(OPERATOR)
        return [telling.staff(each) for each in found]

    lines = at_gateway(config, work)
    if not as_json:
        for line in lines:
            line["roles"] = ", ".join(_words(each) for each in line["roles"])
    heads = ("staff_id", "status", "mfa_enrolled", "email", "roles")
    tell_all(lines, heads, "no staff", as_json=as_json)


@app.command()
def invite(
    context: typer.Context,
    email: Email,
    role: Annotated[list[str], typer.Option(help="owner, manager, … Several are allowed.")],
    program: Annotated[
        str | None, typer.Option(help="Id of the program (prg_…); default: every program.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Default: the e-mail.")] = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody, and print the link that is good once, for 72 hours.

    Example: shuke staff invite li@shop.example --role manager --program prg_…
    """
    config: Config = context.obj
    roles = [{"program_id": program, "role": each} for each in role]
    wanted = validated(NewStaff, {"email": email, "name": name or email, "roles": roles})

    async def work(database: Database) -> str:
        actor = acting()
        staff = Staff(
            staff_id=uuid7(actor.at),
            email=wanted.email.casefold(),
            name=wanted.name,
            locale=wanted.locale,
            status="invited",
            enrolled=False,
            accepted=False,
            created_at=actor.at,
            grants=tuple(Grant(each.program_id, each.role, ALL_STORES) for each in wanted.roles),
        )
        _, (token, _) = await accounts(config, database).invite(OPERATOR, actor, staff)
        return config.public_url + INVITED + token

    _tell_link(at_gateway(config, work), email, as_json=as_json)


@app.command("invite-again")
def invite_again(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Print another link for who lost the invitation or the password, which counts no more.

    Example: shuke staff invite-again li@shop.example
    """
    config: Config = context.obj

    async def work(database: Database) -> str:
        managing = accounts(config, database)
        staff = await _found(config, database, email)
        _, (token, _) = await managing.invite_again(OPERATOR, acting(), staff.staff_id)
        return config.public_url + INVITED + token

    _tell_link(at_gateway(config, work), email, as_json=as_json)


@app.command()
def disable(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Sign somebody out everywhere, for good, and end the API keys that they made.

    Example: shuke staff disable li@shop.example
    """
    _change(context.obj, email, "disabled", as_json=as_json)


@app.command()
def enable(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Let somebody sign in again who was disabled.

    Example: shuke staff enable li@shop.example
    """
    _change(context.obj, email, "active", as_json=as_json)


@app.command("reset-mfa")
def reset_mfa(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Take away a second factor that was lost, and sign its owner out everywhere.

    Example: shuke staff reset-mfa li@shop.example
    """
    config: Config = context.obj

    async def work(database: Database) -> dict[str, Any]:
        managing = accounts(config, database)
        staff = await _found(config, database, email)
        return telling.staff(await managing.reset_mfa(OPERATOR, acting(), staff.staff_id))

    _tell(at_gateway(config, work), "has no second factor", as_json=as_json)


def _change(config: Config, email: str, status: str, *, as_json: bool) -> None:
    wanted = validated(ChangeStaff, {"status": status}).model_dump(exclude_unset=True)

    async def work(database: Database) -> dict[str, Any]:
        managing = accounts(config, database)
        staff = await _found(config, database, email)
        return telling.staff(await managing.change(OPERATOR, acting(), staff.staff_id, wanted))

    told = at_gateway(config, work)
    _tell(told, f"is {told['status']}", as_json=as_json)


async def _found(config: Config, database: Database, email: str) -> Staff:
    for each in await accounts(config, database).list(OPERATOR):
        if each.email == email.casefold():
            return each
    raise Misconfigured("nobody has this e-mail")


def _tell_link(link: str, email: str, *, as_json: bool) -> None:
    if as_json:
        tell({"email": email, "link": link}, as_json=True)
    else:
        typer.echo(link)


def _tell(told: dict[str, Any], words: str, *, as_json: bool) -> None:
    if as_json:
        tell(told, as_json=True)
    else:
        typer.echo(f"{told['email']} {words}")


def _words(role: dict[str, Any]) -> str:
    where = role["program_id"] or "every program"
    return f"{role['role']} ({where})"

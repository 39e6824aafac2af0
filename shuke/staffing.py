"""What commands do with staff, beside the gateway's API: on its database, as an operator."""

from services.gateway.staff.decide import Manager
from services.gateway.staff.managing import FIRST_RUN, Accounts
from services.gateway.staff.rules.roles import EVERYTHING
from services.gateway.staff.sessions import Sessions
from services.gateway.staff.signing_in import SigningIn
from shared.audit.deeds import Actor
from shared.clock import system
from shared.config import Config
from shared.db.engine import Database
from shared.sealing import KeyRing
from shuke.operating import who

OPERATOR = Manager(None, frozenset({EVERYTHING}))


def accounts(config: Config, database: Database) -> Accounts:
    """What makes and changes staff."""
    sessions = Sessions(database, config)
    signing_in = SigningIn(database, KeyRing.open(config.keys_dir), sessions)
    return Accounts(database, sessions, signing_in)


def acting() -> Actor:
    """Who calls, at this instant."""
    return Actor("operator", who(), system())


async def first_run(config: Config, database: Database) -> str | None:
    """A fresh link by which the first owner is made; None where there is an owner."""
    token = await accounts(config, database).owner_link(acting())
    return None if token is None else config.public_url + FIRST_RUN + token

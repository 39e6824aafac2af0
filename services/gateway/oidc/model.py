"""Values of signing in by a provider: whom it is asked of, what it says, what waits meanwhile."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from services.gateway.staff.model import ALL_STORES, Grant, Vouched
from services.gateway.staff.rules.roles import ROLES
from shared.config import Config
from shared.errors import Misconfigured

CALLBACK: Final = "/api/gateway/v1/oidc/callback"
Groups = Mapping[str, tuple[Grant, ...]]
"""By the name of a group at the provider, the roles that are held for it."""


class Provider(Struct, frozen=True):
    """A provider as it is configured."""

    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    """Where it sends people back to."""
    domains: frozenset[str]
    """Of e-mails; empty: of any."""
    groups: Groups

    @classmethod
    def of(cls, config: Config) -> "Provider | None":
        """The configured one; None: there is none. Raises Misconfigured for half of one."""
        given = (config.oidc_issuer, config.oidc_client_id, config.oidc_client_secret)
        if not any(given):
            if config.emergency_owner is not None:
                raise Misconfigured("SHUKE_EMERGENCY_OWNER needs SHUKE_OIDC_ISSUER")
            return None
        issuer, client_id, secret = given
        if issuer is None or client_id is None or secret is None:
            names = "SHUKE_OIDC_ISSUER, SHUKE_OIDC_CLIENT_ID and SHUKE_OIDC_CLIENT_SECRET"
            raise Misconfigured(f"{names} are given together")
        return cls(
            issuer=issuer,
            client_id=client_id,
            client_secret=secret,
            redirect=config.public_url + CALLBACK,
            domains=frozenset(_parts(config.oidc_domains.casefold())),
            groups=_groups(config.oidc_groups),
        )


class Claims(Struct, frozen=True):
    """What an ID token says, as far as it is looked at."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int
    iat: int
    nonce: str | None = None
    azp: str | None = None
    email: str | None = None
    email_verified: bool | str | None = None
    name: str | None = None
    groups: list[str] = []
    amr: list[str] = []


class Proven(Struct, frozen=True):
    """Who somebody is, by the word of the provider."""

    issuer: str
    subject: str
    email: str
    """In lower case."""
    name: str
    grants: tuple[Grant, ...]
    """Roles for the groups that they are in."""
    vouched: Vouched


class Pending(Struct, frozen=True):
    """What a browser keeps, sealed, while somebody is at the provider."""

    state: str
    nonce: str
    verifier: str
    until: int
    """Seconds since 1970."""
    next: str
    """The page that was asked for."""


def _parts(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _groups(text: str) -> Groups:
    """`group=role` or `group=role@prg_…`, several of one group among them."""
    found: dict[str, tuple[Grant, ...]] = {}
    for part in _parts(text):
        group, equals, role = part.rpartition("=")
        if not equals or not group or not role:
            raise Misconfigured(f"SHUKE_OIDC_GROUPS: {part!r} is not group=role or …@prg_…")
        name, _, program = role.partition("@")
        if name not in ROLES:
            raise Misconfigured(f"SHUKE_OIDC_GROUPS: {name!r} is none of {', '.join(ROLES)}")
        grant = Grant(program or None, name, ALL_STORES)
        found[group] = (*found.get(group, ()), grant)
    return found

"""Whom an ID token proves somebody to be. Its signature has been checked before.

| claim | must be |
|---|---|
| `iss` | the issuer that is configured, to the letter |
| `aud` | our client, and with others beside it `azp` too |
| `exp`, `iat` | not over, not of the future; a minute of difference is allowed |
| `nonce` | the one that this browser was sent away with |
| `email`, `email_verified` | there, and `true`; of an allowed domain where some are named |

`groups` give the roles that are configured for them. `amr` with `mfa` says that the provider has
asked for a second factor itself.

>>> names(frozenset({"shop.example"}), "li@shop.example.evil.example")
False
"""

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from services.gateway.oidc.model import Claims, Proven, Provider
from shared.outcome import Refused

LEEWAY_SECONDS: Final = 60
MFA: Final = "mfa"
_CODE: Final = "oidc-refused"


def judge(claims: Claims, provider: Provider, nonce: str, now: datetime) -> Proven | Refused:
    """Who somebody is. Refuses `oidc-refused` with the claim that is wrong."""
    wrong = _wrong(claims, provider, nonce, now)
    if wrong is not None:
        return Refused(_CODE, wrong, 401)
    assert claims.email is not None, "it was looked at"
    grants = {grant for group in claims.groups for grant in provider.groups.get(group, ())}
    return Proven(
        issuer=claims.iss,
        subject=claims.sub,
        email=claims.email.casefold(),
        name=(claims.name or claims.email)[:100],
        grants=tuple(sorted(grants, key=lambda each: (each.program or "", each.role))),
        vouched="mfa" if MFA in claims.amr else "plain",
    )


def names(domains: AbstractSet[str], email: str) -> bool:
    """Whether an e-mail is of one of some domains."""
    local, _, domain = email.casefold().rpartition("@")
    return bool(local) and domain in domains


def _wrong(claims: Claims, provider: Provider, nonce: str, now: datetime) -> str | None:
    """The first claim that is not as it must be."""
    seconds = now.timestamp()
    lasts = claims.exp + LEEWAY_SECONDS > seconds >= claims.iat - LEEWAY_SECONDS
    verified = bool(claims.email) and claims.email_verified is True
    right = {
        "iss": claims.iss == provider.issuer and bool(claims.sub),
        "aud": _ours(claims, provider.client_id),
        "exp": lasts,
        "nonce": claims.nonce == nonce,
        "email": verified,
        "domain": not provider.domains or names(provider.domains, claims.email or ""),
    }
    return next((claim for claim, is_right in right.items() if not is_right), None)


def _ours(claims: Claims, client_id: str) -> bool:
    """Whether a token was made for our client; beside others it must say so twice."""
    if claims.aud in (client_id, [client_id]):
        return claims.azp in {None, client_id}
    return isinstance(claims.aud, list) and client_id in claims.aud and claims.azp == client_id

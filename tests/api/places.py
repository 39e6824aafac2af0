"""Every route of a service, and ids to fill its path with."""

from collections.abc import Iterator, Mapping

from fastapi.routing import iter_route_contexts
from msgspec import Struct

from tests.api.harness import Api

SERVICES = ("gateway", "members", "points", "campaigns", "analytics")
HEALTH = {"/livez", "/readyz", "/startupz", "/version", "/metrics", "/openapi.json"}
PAGES = {
    "/", "/console", "/console/{path:path}", "/m", "/m/{path:path}", "/assets/{name}", "/icon.svg",
    "/embed/v1/shuke.js",
}  # fmt: skip
"""What browsers are given, whoever sits before them; in no document."""
PUBLIC: Mapping[str, set[str]] = {
    "gateway": HEALTH
    | {"/.well-known/jwks.json", "/webhooks/{connection}", "/webhooks/{connection}/bulk"}
    | {f"/api/gateway/v1/{name}" for name in ("setup", "owners", "invitations:accept")}
    | {f"/api/gateway/v1/oidc/{name}" for name in ("login", "callback")}
    | {f"/api/gateway/v1/{name}" for name in ("member-codes", "member-sessions")}
    | {"/api/gateway/v1/centres/{program_id}"}
    | {"/media/{program_id}/{file}", "/embed/v1/module", "/embed/v1/tab"}
    | {"/api/gateway/v1/access-exports/{export_id}/file"}
    | PAGES
}
"""All that answers without a token; webhooks ask for a signature instead, links for theirs."""
SIGNING_IN = "sessions.create"
"""Asks for a password instead; at its path one's sessions are listed, which needs one."""
BY_PROOF = {
    "owners.create", "invitations.accept", "member-codes.create", "member-sessions.create",
    "access-exports.file",
}  # fmt: skip
"""Ask for the token of a link instead, for a code, or for a shop's word."""
PERSONAL = {
    "sessions.list", "sessions.current", "sessions.leave", "sessions.end", "step-ups.create",
    "mfa-enrolments.create", "mfa-enrolments.confirm", "passwords.change",
    "member-sessions.current", "member-sessions.leave", "member-sessions.join",
    "member-sessions.check-in", "member-sessions.access-export", "member-sessions.consent",
    "member-sessions.erase", "member-sessions.keep", "live.get",
}  # fmt: skip
"""Routes of who is signed in: no key or operator may call them, whatever is permitted."""
OWN = ("self.read", "self.identify", "self.join", "self.consent", "self.erase")
"""Permissions that the gateway gives shoppers alone; routes that ask for them are named `me`."""
ASKING = {
    "settings.check",
    "contacts.find",
    "counter.lookup",
    "members.find",
    "members.at-counter",
    "balances.of",
    "subjects.of",
}
"""Routes whose body is a question: they change nothing."""
PASSING = "/api/{service:other}/v1/{path:path}"
PASSED = {PASSING, "/api/members/v1/members/{member_id}/erasures"}
"""Routes of the gateway that another service answers."""
SAMPLE = {
    "program_id": "prg_agojyzjeabykvaaaaaaaaaaaay",
    "store_id": "sto_agojyzjeabykvaaaaaaaaaaaay",
    "connection": "whk_caireeyuculbogazdinryhi6d4",
    "connection_id": "whk_caireeyuculbogazdinryhi6d4",
    "secret_id": "sec_caireeyuculbogazdinryhi6d4",
    "key_id": "key_agojyzjeabykvaaaaaaaaaaaau",
    "delivery_id": "dlv_caireeyuculbogazdinryhi6d4",
    "replay_id": "rpl_caireeyuculbogazdinryhi6d4",
    "endpoint_id": "ept_caireeyuculbogazdinryhi6d4",
    "message_id": "msg_caireeyuculbogazdinryhi6d4",
    "member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
    "erasure_id": "ers_caireeyuculbogazdinryhi6d4",
    "customer_id": "cus_2d2ualfm4scgnfo43yvkllbsdu",
    "order_id": "ord_caireeyuculbogazdinryhi6d4",
    "order_no": "A-1",
    "entry_id": "ent_ygcuxopwjobkbjh7ttichjt3kuaqc",
    "campaign_id": "cmp_agojyzjeabykvaaaaaaaaaaaam",
    "template_id": "cpt_agojyzjeabykvaaaaaaaaaaaaq",
    "coupon_id": "cpn_uwsvdc3ya2fo3bjuwbmekq2kbu",
    "subject_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
    "quarantine_id": "qrt_agojyzjeabykvaaaaaaaaaaaay",
    "topic": "storefront",
    "partition": "0",
    "staff_id": "stf_caireeyuculbogazdinryhi6d4",
    "role_id": "rol_caireeyuculbogazdinryhi6d4",
    "position_id": "pos_caireeyuculbogazdinryhi6d4",
    "training_id": "trn_caireeyuculbogazdinryhi6d4",
    "session_id": "ses_caireeyuculbogazdinryhi6d4",
    "approval_id": "apr_caireeyuculbogazdinryhi6d4",
    "export_id": "axp_caireeyuculbogazdinryhi6d4",
    "name": "none.js",
    "file": f"{'0' * 64}.jpg",
    "move": "pause",
    "service": "members",
    "path": "members",
}
"""Ids that nobody has."""

RANGES: Mapping[str, Mapping[str, str]] = {
    "home.get": {"from": "2026-03-01", "to": "2026-03-05"},
    "rfm.get": {"on": "2026-03-06"},
    "media.create": {"use": "module"},
    "series.get": {"metric": "orders", "from": "2026-03-01", "to": "2026-03-05"},
    "live.get": {"program": "prg_agojyzjeabykvaaaaaaaaaaaay"},
    "embed.module": {"program": "prg_agojyzjeabykvaaaaaaaaaaaay"},
    "embed.tab": {"program": "prg_agojyzjeabykvaaaaaaaaaaaay"},
    "embed.ask": {"program": "prg_agojyzjeabykvaaaaaaaaaaaay"},
    "access-exports.file": {"key": "A"},
}
"""Queries that routes need, by the route's name."""


class Place(Struct, frozen=True):
    """A route of a service."""

    name: str
    method: str
    path: str

    def at(self, ids: Mapping[str, str]) -> str:
        """The path with ids."""
        return (
            self.path
            .replace("{path:path}", "{path}")
            .replace("{service:other}", "{service}")
            .replace("{document:path}", "{document}")
            .replace("{order_no:path}", "{order_no}")
            .format(**SAMPLE | dict(ids))
        )

    @property
    def has_id(self) -> bool:
        """Whether the path names a thing of a program (settings documents have the same names)."""
        return "{" in self.path and "{document" not in self.path and self.path not in PASSED


def places(api: Api) -> Iterator[Place]:
    """All routes of an app, hidden ones too."""
    for route in iter_route_contexts(api.app.routes):
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            yield Place(str(route.name), method, str(route.path))


def guarded(api: Api) -> list[Place]:
    """Routes that ask for a token."""
    public = PUBLIC.get(api.service, HEALTH)
    return [p for p in places(api) if p.path not in public and p.name != SIGNING_IN]

"""The five declarations, in the order of the flow."""

from typing import Final

from services.analytics.service import SERVICE as ANALYTICS
from services.campaigns.service import SERVICE as CAMPAIGNS
from services.gateway.service import SERVICE as GATEWAY
from services.members.service import SERVICE as MEMBERS
from services.points.service import SERVICE as POINTS
from shared.errors import Misconfigured
from shared.service import Service

SERVICES: Final[dict[str, Service]] = {
    service.name: service for service in (GATEWAY, MEMBERS, POINTS, CAMPAIGNS, ANALYTICS)
}
ALL: Final = "all"


def chosen(names: list[str]) -> list[Service]:
    """Services by name; `all` is every one. Raises Misconfigured for an unknown name."""
    if names in ([], [ALL]):
        return list(SERVICES.values())
    unknown = sorted(set(names) - SERVICES.keys())
    if unknown:
        raise Misconfigured(f"no service {unknown[0]}; there are {', '.join(SERVICES)}")
    return [SERVICES[name] for name in dict.fromkeys(names)]

"""What a process reads from its environment about outgoing webhooks."""

import ipaddress

import pytest

from shared.config import Config
from shared.errors import Misconfigured

NETWORKS = "SHUKE_ENDPOINT_NETWORKS"


def test_networks_of_endpoints_are_none_unless_named() -> None:
    assert Config.from_environment({}).networks == ()
    assert Config.from_environment({NETWORKS: ""}).networks == ()
    named = Config.from_environment({NETWORKS: "127.0.0.0/8, fd00::/8,"})
    assert named.networks == (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
    assert Config.from_environment(named.environment()).networks == named.networks


@pytest.mark.parametrize("given", ["loopback", "127.0.0.1/8", "10.0.0.0/33", "127.0.0.0/8;::1/128"])
def test_what_is_no_network_means_no_start(given: str) -> None:
    with pytest.raises(Misconfigured, match="SHUKE_ENDPOINT_NETWORKS"):
        Config.from_environment({NETWORKS: given})

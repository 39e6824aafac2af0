"""What a process reads from its environment: networks of endpoints, where people come in."""

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


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://shuke.example/", "https://shuke.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:9000", "http://localhost:9000"),
    ],
)
def test_people_reach_the_gateway_over_https_or_on_this_machine(given: str, url: str) -> None:
    assert Config.from_environment({"SHUKE_PUBLIC_URL": given}).public_url == url
    assert Config.from_environment({"SHUKE_PORT": "9000"}).public_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize("given", ["http://shuke.example", "shuke.example", "ftp://localhost", "x"])
def test_a_cookie_never_goes_over_plain_http_to_another_machine(given: str) -> None:
    with pytest.raises(Misconfigured, match="SHUKE_PUBLIC_URL"):
        Config.from_environment({"SHUKE_PUBLIC_URL": given})


def test_a_second_factor_is_optional_only_where_it_is_said() -> None:
    assert Config.from_environment({}).mfa_optional is False
    config = Config.from_environment({"SHUKE_MFA_OPTIONAL": "true"})
    assert config.mfa_optional is True
    assert Config.from_environment(config.environment()).mfa_optional is True

"""Signatures by the vendors' own packages: they sign what we take, and take what we sign."""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.gateway.connectors import generic, shopify, woocommerce
from services.gateway.connectors.port import Connector
from services.gateway.model import Refusal
from services.gateway.outbound.signing import new_secret, shown
from services.gateway.settings import USUAL
from services.gateway.standard_webhooks import sign, stamp
from shared.clock import system
from tests.backing import node
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(180)
HERE = ROOT / "tests" / "e2e" / "npm"
SCRIPT = "signing.mjs"
ANSWER_SECONDS = 30.0
CLIENT_SECRET = "hush-熟客"
BODIES = [
    '{"id":1}',
    '{"id": 1}',
    '{"note":"熟客 \N{TEACUP WITHOUT HANDLE}","money":"10.00"}',
    '{"lines":[' + ",".join(['{"sku":"LS-01"}'] * 5_000) + "]}",
    "{\n\t}",
]


class Vendors:
    """The packages, installed into a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._node = node.install(HERE, folder)
        shutil.copy(HERE / SCRIPT, folder)

    def ask(self, what: str, *questions: Mapping[str, Any]) -> Sequence[Any]:
        """Answers to questions, same order."""
        told = "".join(json.dumps({"ask": what, **question}) + "\n" for question in questions)
        done = subprocess.run(
            [*self._node, SCRIPT],
            cwd=self._folder,
            input=told,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=ANSWER_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(questions)
        return answers


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Vendors:
    """Both packages. Skips, loudly, where there is no Node or no registry."""
    return Vendors(tmp_path_factory.mktemp("npm"))


def taken(connector: Connector, body: str, headers: Mapping[str, str], secret: str) -> bool:
    """Whether a connector takes a delivery for one signed with a secret."""
    try:
        connector.verify(body.encode(), headers, [("sec_1", secret)], USUAL, system())
    except Refusal as refusal:
        if refusal.reason != "signature-wrong":
            raise
        return False
    return True


def standard(signature: str, now: datetime) -> dict[str, str]:
    """Headers of Standard Webhooks."""
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp(now),
        "webhook-signature": signature,
    }


def test_what_the_package_of_standard_webhooks_signs_is_taken(vendors: Vendors) -> None:
    """To the byte what we would sign; of another body it is refused."""
    secret, now = new_secret("v1"), system()
    signatures = vendors.ask(
        "standard-sign",
        *(
            {"secret": secret, "id": "msg_1", "seconds": int(now.timestamp()), "body": body}
            for body in BODIES
        ),
    )
    assert signatures == [sign(secret, "msg_1", now, body.encode()) for body in BODIES]
    for body, signature in zip(BODIES, signatures, strict=True):
        headers = standard(signature, now)
        assert taken(generic, body, headers, secret)
        assert not taken(generic, body + " ", headers, secret)
        assert not taken(generic, body, headers, new_secret("v1"))


def test_what_we_send_is_taken_by_the_package_of_standard_webhooks(vendors: Vendors) -> None:
    """By either secret while both sign; neither changed nor old, nor by a stranger's secret."""
    old, fresh, now = new_secret("v1"), new_secret("v1"), system()

    def question(body: str, **changes: Any) -> dict[str, Any]:
        at = changes.get("at", now)
        both = " ".join(sign(secret, "msg_1", at, body.encode()) for secret in (old, fresh))
        sent = changes.get("sent", body)
        secret = changes.get("secret", shown(fresh))
        return {"secret": secret, "headers": standard(both, at), "body": sent}

    good = [question(body, secret=shown(secret)) for body in BODIES for secret in (old, fresh)]
    bad = [
        question(BODIES[0], sent=BODIES[1]),
        question(BODIES[0], secret=shown(new_secret("v1"))),
        question(BODIES[0], at=now - timedelta(minutes=6)),
    ]
    answers = vendors.ask("standard-verify", *good, *bad)
    assert answers == [True] * len(good) + [False] * len(bad)


def test_what_the_package_of_shopify_signs_and_takes_is_taken(vendors: Vendors) -> None:
    """Of the same deliveries it takes and we take the same; WooCommerce signs by the same rule."""
    signatures = vendors.ask(
        "shopify-sign", *({"secret": CLIENT_SECRET, "body": body} for body in BODIES)
    )
    cases = [
        (body + more, signature, secret)
        for body, signature in zip(BODIES, signatures, strict=True)
        for more, secret in (("", CLIENT_SECRET), (" ", CLIENT_SECRET), ("", "another"))
    ]
    asked = [
        {
            "secret": secret,
            "body": body,
            "headers": {
                "x-shopify-hmac-sha256": signature,
                "x-shopify-topic": "orders/paid",
                "x-shopify-shop-domain": "demo.myshopify.com",
                "x-shopify-api-version": "2026-01",
                "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
            },
        }
        for body, signature, secret in cases
    ]
    theirs = vendors.ask("shopify-verify", *asked)
    assert theirs == [True, False, False] * len(BODIES)
    for connector, header in (
        (shopify, "x-shopify-hmac-sha256"),
        (woocommerce, "x-wc-webhook-signature"),
    ):
        ours = [taken(connector, body, {header: sig}, secret) for body, sig, secret in cases]
        assert ours == theirs


def test_the_packages_are_locked_by_their_hashes_and_come_from_no_named_host() -> None:
    """Where they are fetched from is the matter of whoever runs npm."""
    text = (HERE / "package-lock.json").read_text("utf-8")
    _, *packages = json.loads(text)["packages"].values()
    assert "://" not in text
    for package in packages:
        algorithm, _, digest = package["integrity"].partition("-")
        assert (algorithm, len(base64.b64decode(digest))) == ("sha512", 64)

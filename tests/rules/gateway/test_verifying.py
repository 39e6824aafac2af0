"""Which secret signed: an active one; of one that has ended it is told apart, and refused."""

from datetime import datetime, timedelta
from typing import Final

import pytest

from services.gateway import standard_webhooks
from services.gateway.connectors import generic, shopify
from services.gateway.connectors.port import Connector, Headers
from services.gateway.model import Refusal, Secret
from services.gateway.rules import verifying
from services.gateway.standard_webhooks import KEY_BYTES, SHARED, text
from tests.builders.events import instant
from tests.rules.gateway.heard import a_shop

AT: Final = instant("2026-03-01 02:00:05")
DAY: Final = timedelta(days=1)
BODY: Final = b'{"id":1}'


def a_secret(number: int, *, since: datetime = AT - DAY, until: datetime | None = None) -> Secret:
    """A secret by its number."""
    return Secret(f"sec_{number}", text(SHARED, bytes([number]) * KEY_BYTES), since, until)


def headers(number: int, at: datetime = AT) -> dict[str, str]:
    """Of the body signed with the secret of a number."""
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": standard_webhooks.stamp(at),
        "webhook-signature": standard_webhooks.sign(a_secret(number).value, "msg_1", at, BODY),
    }


def signer(sent: Headers, *secrets: Secret, connector: Connector = generic) -> str:
    """Id of the secret that signed, or why none did."""
    connection = a_shop(secrets=secrets, source=connector.SOURCE).connection
    try:
        return verifying.signer(connection, connector, BODY, sent, AT)
    except Refusal as refusal:
        return refusal.reason


OVER: Final = a_secret(1, until=AT)
LASTING: Final = a_secret(2)
TO_COME: Final = a_secret(3, since=AT + DAY)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "secret-expired"), (2, "sec_2"), (3, "signature-wrong"), (4, "signature-wrong")],
    ids=["over", "lasting", "to come", "another's"],
)
def test_only_a_lasting_secret_signs_and_one_that_is_over_is_told_apart(
    number: int, expected: str
) -> None:
    assert signer(headers(number), OVER, LASTING, TO_COME) == expected


def test_a_secret_signs_up_to_its_end_and_not_at_it() -> None:
    assert signer(headers(1), a_secret(1, until=AT + timedelta(microseconds=1))) == "sec_1"
    assert signer(headers(1), a_secret(1, until=AT)) == "secret-expired"


def test_the_reason_is_that_of_the_delivery_where_more_is_wrong() -> None:
    """Old bytes signed with an old secret say nothing of what the shop signs with today."""
    assert signer(headers(1, AT - DAY), OVER, LASTING) == "signature-wrong"
    assert signer({}, OVER, LASTING) == "header-missing"


def test_a_signature_without_time_is_told_apart_too() -> None:
    assert signer({"x-shopify-hmac-sha256": "AAAA"}, OVER, connector=shopify) == "signature-wrong"
    known = Secret("sec_9", "shhh", AT - DAY, AT)
    sent = {"x-shopify-hmac-sha256": "Lcc9Yf2U6zbkFFL44wuL0uEJMTo4Q8mC5iIG3KWCtLA="}
    assert signer(sent, known, connector=shopify) == "secret-expired"


def test_of_many_that_are_over_the_newest_are_tried() -> None:
    over = [a_secret(number, until=AT) for number in range(1, 9)]
    found = [signer(headers(number), *over) for number in range(1, 9)]
    assert found == ["signature-wrong"] * 3 + ["secret-expired"] * verifying.ENDED

"""A shopper of the demo with a phone, so that the member centre can be looked at as theirs."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from shared.clock import system
from shared.config import Config
from shuke.demo.baskets import Basket
from shuke.demo.deliveries import Delivery, Plan
from shuke.demo.programme import Programme
from shuke.demo.sending import Sender

PHONE: Final = "+1 202 555 0143"
"""Of the numbers that are kept for stories: nobody has it."""
NAME: Final = "Alex Morgan"


async def introduce(config: Config, programme: Programme, baskets: Sequence[Basket]) -> None:
    """Let the shop vouch for the phone of the household that bought most often.

    As of the last basket, so that another run tells nothing new.
    """
    ((household, _),) = Counter(basket.household for basket in baskets).most_common(1)
    body = {
        "type": "customer.updated",
        "customer": {"id": household, "name": NAME, "phone": PHONE, "verified": ["phone"]},
        "updated_at": f"{(baskets[-1].at + programme.shift).isoformat()}Z",
    }
    told = Delivery("demo-shopper", system(), json.dumps(body).encode())
    sender = Sender(config.url_of("gateway"), programme.connection, programme.secret)
    await sender.send(Plan([[told]], []))

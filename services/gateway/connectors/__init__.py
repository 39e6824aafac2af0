"""The storefronts' dialects, one pure file each.

forms              the generic form, which every other is said again in
port               what a connector is
generic            any shop of one's own: Standard Webhooks
shopify            orders, cancellations, refunds, customers
shopify_calls      calls to such a shop: what changed, what paid an order
woocommerce        orders with their refunds, customers
woocommerce_cards  what gift cards and store credit paid there
woocommerce_calls  calls to such a shop: what changed, refunds with their lines
top                calls, answers and signatures of Taobao's open platform
taobao             its trades and refunds in detail
taobao_spi         methods that it calls here: joins, notices
taobao_tmc         messages that are pulled from it
youzan             pushes, and the calls that they are followed by
youzan_trades      its orders and refunds in detail
"""

from typing import Final

from services.gateway.connectors import (
    generic,
    shopify,
    taobao_spi,
    taobao_tmc,
    woocommerce,
    youzan,
)
from services.gateway.connectors.port import (
    Answering,
    Connector,
    Fetcher,
    Followed,
    Lister,
    Puller,
    Renewing,
)
from services.gateway.model import Connection

CONNECTORS: Final[dict[str, Connector]] = {
    each.SOURCE: each for each in (generic, shopify, woocommerce, taobao_spi, taobao_tmc, youzan)
}
"""By the `source` of a connection."""
LISTERS: Final[dict[str, Lister]] = {
    each.SOURCE: each for each in (shopify, woocommerce, taobao_spi, taobao_tmc, youzan)
}
"""Those that can be asked what has changed."""
FETCHERS: Final[dict[str, Fetcher]] = {**LISTERS}
"""Those that can be asked for a detail."""
ANSWERING: Final[dict[str, Answering]] = {taobao_spi.SOURCE: taobao_spi}
"""Those that ask about buyers and wait for the answer."""
FOLLOWED: Final[dict[str, Followed]] = {shopify.SOURCE: shopify}
"""Those some of whose details take a second call."""
RENEWING: Final[dict[str, Renewing]] = {
    each.SOURCE: each for each in (taobao_spi, taobao_tmc, youzan)
}
"""Those whose calls need a token that ends."""
PULLERS: Final[dict[str, Puller]] = {taobao_tmc.SOURCE: taobao_tmc}
"""Those whose messages wait to be taken."""


def can_fetch(connection: Connection) -> bool:
    """Whether a connection has all that calls to its platform need."""
    names = needed(connection.source)
    return bool(names) and all(connection.credentials.get(name) for name in names)


def needed(source: str) -> tuple[str, ...]:
    """Names of the credentials of a kind of storefront; none: it calls nobody."""
    return FETCHERS[source].CREDENTIALS if source in FETCHERS else ()


def optional(source: str) -> tuple[str, ...]:
    """Names of what the credentials of a kind of storefront may hold besides."""
    return RENEWING[source].RENEWED_BY if source in RENEWING else ()

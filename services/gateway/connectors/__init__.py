"""The storefronts' dialects, one pure file each.

forms          the generic form, which every other is said again in
port           what a connector is
generic        any shop of one's own: Standard Webhooks
shopify        orders, cancellations, refunds, customers
woocommerce    orders with their refunds, customers
top            calls, answers and signatures of Taobao's open platform
taobao         its trades and refunds in detail
taobao_spi     methods that it calls here: joins, notices
taobao_tmc     messages that are pulled from it
youzan         pushes, and the calls that they are followed by
youzan_trades  its orders and refunds in detail
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
from services.gateway.connectors.port import Connector, Fetcher, Lister, Puller, Renewing

CONNECTORS: Final[dict[str, Connector]] = {
    each.SOURCE: each for each in (generic, shopify, woocommerce, taobao_spi, taobao_tmc, youzan)
}
"""By the `source` of a connection."""
LISTERS: Final[dict[str, Lister]] = {each.SOURCE: each for each in (taobao_spi, taobao_tmc, youzan)}
"""Those that can be asked what has changed."""
FETCHERS: Final[dict[str, Fetcher]] = {**LISTERS}
"""Those whose notifications only point to a detail."""
RENEWING: Final[dict[str, Renewing]] = {youzan.SOURCE: youzan}
"""Those whose calls need a token that ends."""
PULLERS: Final[dict[str, Puller]] = {taobao_tmc.SOURCE: taobao_tmc}
"""Those whose messages wait to be taken."""

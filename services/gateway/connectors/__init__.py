"""The storefronts' dialects, one pure file each.

forms        the generic form, which every other is said again in
port         what a connector is
generic      any shop of one's own: Standard Webhooks
shopify      orders, cancellations, refunds, customers
woocommerce  orders with their refunds, customers
"""

from typing import Final

from services.gateway.connectors import generic, shopify, woocommerce
from services.gateway.connectors.port import Connector, Fetcher

CONNECTORS: Final[dict[str, Connector]] = {
    each.SOURCE: each for each in (generic, shopify, woocommerce)
}
"""By the `source` of a connection."""
FETCHERS: Final[dict[str, Fetcher]] = {}
"""Those whose notifications only point to a detail."""
LISTERS: Final[dict[str, Fetcher]] = {}
"""Those that can be asked what has changed."""
PULLERS: Final[dict[str, Fetcher]] = {}
"""Those whose messages wait to be taken."""

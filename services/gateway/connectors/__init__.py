"""The storefronts' dialects, one pure file each.

forms        the generic form, which every other is said again in
port         what a connector is
generic      any shop of one's own: Standard Webhooks
shopify      orders, cancellations, refunds, customers
woocommerce  orders with their refunds, customers
"""

from typing import Final

from services.gateway.connectors import generic, shopify, woocommerce
from services.gateway.connectors.port import Connector

CONNECTORS: Final[dict[str, Connector]] = {
    each.SOURCE: each for each in (generic, shopify, woocommerce)
}
"""By the `source` of a connection."""

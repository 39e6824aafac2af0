"""A shop at a site's gateway, and what became of its orders."""

import asyncio

from tests.bench import intake, place
from tests.bench.intake import Shop
from tests.faults.ground import Site


def open_shop(site: Site) -> Shop:
    """The programme at the gateway, with a store and its connection."""
    url = site.config.database_url
    assert url is not None
    servers, folder = site.ground.broker.address, site.folder
    where = place.Place(url, servers, site.prefix, folder, site.port)
    assert where.config.keys_dir == site.config.keys_dir
    return asyncio.run(intake.open_shop(where))


def orders_of(site: Site) -> list[str]:
    """Numbers of the orders that took effect in points, each as often as it did."""
    return sorted(row[0] for row in site.rows("select order_no from points.purchase"))

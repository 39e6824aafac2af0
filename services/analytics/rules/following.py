"""Which store a customer follows (粉丝): that of the latest `favourite` of kind store, if it is on.

Of two at one instant the one with the higher id counts, whichever came first.

| favourites of a store | follows |
|---|---|
| – | – |
| on, 1 March | the store |
| on, 1 March; off, 5 March | – |
| off, 5 March; then on, 1 March arrives | – |
"""

from msgspec.structs import replace

from services.analytics.model import ACTIONS, OBJECT_KINDS, Customer, FactActivity


def follow(customer: Customer, activity: FactActivity) -> Customer:
    """The customer after an activity."""
    if (activity.kind, activity.object_kind) != (ACTIONS["favourite"], OBJECT_KINDS["store"]):
        return customer
    if customer.favourite_at is not None and customer.favourite_id is not None:
        known = (customer.favourite_at, customer.favourite_id)
        if known >= (activity.at, activity.activity_id):
            return customer
    return replace(
        customer,
        follows_store=activity.store_id if activity.done else None,
        favourite_at=activity.at,
        favourite_id=activity.activity_id,
    )

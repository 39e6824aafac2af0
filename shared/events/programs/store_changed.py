"""A store or branch of a program was made or changed."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.events.fields import StoreId, Text, Version

StoreKind = Literal["taobao", "tmall", "youzan", "shopify", "woocommerce", "generic", "branch"]
StoreStatus = Literal["open", "paused", "closed"]


class StoreLink(Struct, frozen=True):
    """A page where something is done that stays in the storefront: its listing, its freight."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    url: Annotated[str, Meta(max_length=2000, pattern="^https?://")]


class StoreChanged(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """State of a store after a change. A `version` not above the consumer's own is ignored."""

    store_id: StoreId
    kind: StoreKind
    name: Text
    parent: StoreId | None = None
    region: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="Region of phone numbers")]
    status: StoreStatus
    version: Version
    links: Annotated[tuple[StoreLink, ...], Meta(max_length=20)] = ()

"""A store or branch of a program was made or changed."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.events.fields import StoreId, Text, Version

StoreKind = Literal["taobao", "tmall", "youzan", "shopify", "woocommerce", "generic", "branch"]
StoreStatus = Literal["open", "paused", "closed"]


class StoreChanged(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """State of a store after a change. A `version` not above the consumer's own is ignored."""

    store_id: StoreId
    kind: StoreKind
    name: Text
    parent: StoreId | None = None
    region: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="Region of phone numbers")]
    status: StoreStatus
    version: Version

"""The coupons that joining gives (新会员礼包, kind `new-member-gift`, capability row 66).

A member gets those of the campaign that ran when the membership took effect; once, since they are
the same coupons however often joining is told. When an earlier joining becomes known, they are
those of that instant, and their validity begins there.
"""

from collections.abc import Sequence

from services.campaigns.coupons.model import Channel, Entitlement, Holder, HolderKind
from services.campaigns.model import MemberView, Promise
from services.campaigns.rules.running import running
from services.campaigns.settings import NEW_MEMBER_GIFT


def welcome(member: MemberView, promises: Sequence[Promise]) -> list[Entitlement]:
    """What a member is owed for joining; nothing while only a link is known of them."""
    since = member.effective_from
    if since is None:
        return []
    return [
        Entitlement(
            template=template,
            channel=Channel.NEW_MEMBER_GIFT,
            source_id=member.member_id,
            holder=Holder(HolderKind.MEMBER, member.member_id),
            since=since,
        )
        for promise in running(promises, NEW_MEMBER_GIFT, since)
        for template in promise.templates
    ]

"""What the module on a shop's page says, and to whom it says nothing.

| who | smart | custom |
|---|---|---|
| member | tier and points | tier and points |
| may join, and a gift is there | the gift | the shop's own words |
| may join, no gift is left | hidden | hidden |
| may not join | hidden | hidden |

Own words and an own picture belong to the custom mode; members see the same picture.
"""

from services.gateway.decoration.settings import Module
from services.gateway.embed.model import Shown, State, Visitor


def shown(module: Module, visitor: Visitor, program: str) -> Shown:
    """What the module shows to a visitor of a program (its text id)."""
    state = _state(visitor)
    if visitor.member is None and (not visitor.may_join or visitor.gift is None):
        return Shown(visible=False, state=state, mode=module.mode)
    custom = module.mode == "custom"
    picture = f"/media/{program}/{module.image.file}" if custom and module.image else None
    member = visitor.member
    return Shown(
        visible=True,
        state=state,
        mode=module.mode,
        text=module.text if custom and member is None else None,
        background=picture or module.background,
        tier=member.tier if member else None,
        points=member.points if member else None,
        gift=visitor.gift if member is None and not custom else None,
        href=f"/m/{program}" if member else f"/m/{program}/join",
    )


def _state(visitor: Visitor) -> State:
    if visitor.member is not None:
        return "member"
    return "eligible" if visitor.known and visitor.may_join else "guest"

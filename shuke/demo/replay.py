"""One run of the demo against running services, from the first delivery to the last figure."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.clock import monotonic, system
from shared.config import Config
from shuke.checking import Look
from shuke.demo import baskets, extras, figures
from shuke.demo.deliveries import plan
from shuke.demo.figures import Figures
from shuke.demo.programme import (
    CURRENCY,
    Programme,
    a_member,
    last_week,
    operating,
    prepare,
)
from shuke.demo.promises import promise
from shuke.demo.sending import Sender
from shuke.services import SERVICES

QUIET_SECONDS: Final = 900.0


class Script(Struct, frozen=True):
    """What is replayed. `name`: one program for each file and choice of extras."""

    name: str
    baskets: Sequence[baskets.Basket]
    extras: extras.Extras
    reference: Path | None
    """What the file comes to without extras; None: nobody knows."""

    @property
    def deliveries(self) -> int:
        """Events to send, repeated ones too."""
        added = self.extras
        return sum(map(len, (self.baskets, added.repeated, added.refunds, added.check_ins)))

    @property
    def comparable(self) -> Path | None:
        """The reference, when nothing is added that it does not have."""
        return self.reference if self.extras == extras.Extras() else None


class Result(Struct, frozen=True):
    """What came out, and the names of violated invariants."""

    figures: Figures
    programme: Programme
    member: str
    """One of its members."""
    violations: Sequence[str]


def script(path: Path, *, with_extras: bool) -> Script:
    """Read a file of order lines. The reference is known for the shipped one."""
    mark = baskets.fingerprint(path)
    found = baskets.read(path)
    reference = baskets.REFERENCE if mark == baskets.fingerprint(baskets.ORDER_LINES) else None
    if with_extras:
        return Script(mark[:16], found, extras.choose(found), reference)
    return Script(f"{mark[:16]}-no-extras", found, extras.Extras(), reference)


async def replay(config: Config, what: Script, sent: Callable[[], None]) -> Result:
    """Send everything, wait until nobody has anything left, and add up.

    `sent` is called after each delivery.
    """
    async with Look(list(SERVICES.values()), config) as look, operating(config) as operator:
        weeks = last_week(what.baskets[-1].at, system())
        programme = await prepare(operator, config, what.name, weeks)
        await promise(look.databases["campaigns"], programme.program)
        everything = plan(what.baskets, what.extras, programme.shift, CURRENCY)
        began = monotonic()
        sender = Sender(config.url_of("gateway"), programme.connection, programme.secret, sent)
        await sender.send(everything)
        await look.until_quiet(QUIET_SECONDS)
        seconds = monotonic() - began
        held = figures.gather((await look.totals())[programme.program])
        member = await a_member(operator, programme)
        violations = [
            f"{verdict.service}: {verdict.invariant}"
            for verdict in await look.verify()
            for _ in verdict.violations
        ]
    known = what.comparable
    matches = figures.matches(held, figures.reference(known)) if known is not None else None
    return Result(
        Figures(
            **held,
            deliveries=what.deliveries,
            repeated=len(what.extras.repeated),
            seconds=round(seconds, 1),
            orders_per_second=round(held["orders"] / seconds, 1),
            reference_matches=matches,
            verify_violations=len(violations),
        ),
        programme,
        member,
        violations,
    )

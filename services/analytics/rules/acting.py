"""What a customer did other than buying: check-ins and activities as facts.

A check-in is a fact of its customer and local day, however often it is told; the earliest counts.
An activity is a fact of its own, and so is its being undone.

| told | facts |
|---|---|
| check-in 09:00, check-in 08:00 of the same local day | one, of 08:00 |
| check-in 23:59:59, check-in 00:00:00 | two |
| favourite on, favourite off | two |
"""

from datetime import datetime

from services.analytics.model import (
    ACTIONS,
    CHECK_IN,
    OBJECT_KINDS,
    FactActivity,
    check_in_id,
)
from shared.days import local_day, local_hour
from shared.events.envelope import Event
from shared.events.storefront.activity import Activity
from shared.events.storefront.check_in import CheckIn
from shared.ids import uuid_of
from shared.programs import Program


def check_in(program: Program, at: datetime, data: CheckIn) -> FactActivity:
    """A check-in as a fact of its customer and local day."""
    customer_id = uuid_of(data.customer_id)
    day = local_day(at, program.zone)
    return FactActivity(
        program_id=program.id,
        activity_id=check_in_id(customer_id, day),
        kind=CHECK_IN,
        customer_id=customer_id,
        subject_id=customer_id,
        member_id=None,
        store_id=uuid_of(data.store_id),
        object_kind=None,
        object_id=None,
        done=True,
        at=at,
        day=day,
        hour=local_hour(at, program.zone),
    )


def activity(program: Program, event: Event, data: Activity) -> FactActivity:
    """An activity as a fact; undoing it is another."""
    customer_id, at = uuid_of(data.customer_id), event.time
    thing = data.object
    return FactActivity(
        program_id=program.id,
        activity_id=event.id,
        kind=ACTIONS[data.action],
        customer_id=customer_id,
        subject_id=customer_id,
        member_id=None,
        store_id=uuid_of(data.store_id),
        object_kind=OBJECT_KINDS[thing.kind] if thing else None,
        object_id=thing.id if thing else None,
        done=data.state == "on",
        at=at,
        day=local_day(at, program.zone),
        hour=local_hour(at, program.zone),
    )

"""Two tellings of one person: by field the later one counts, in whatever order they come.

| known | told | then |
|---|---|---|
| phone A of 1 March | phone B of 2 March | phone B |
| phone B of 2 March | phone A of 1 March | phone B |
| name of 1 March | a phone of 2 March | both |
| A and B of one instant | | the greater text |

What a shop does not tell is not known to be gone: the field stays.
"""

from collections.abc import Iterable

from services.members.profile.model import Known, Profile
from shared.events.storefront.contact import FIELDS, Contact


def told(contact: Contact) -> Profile:
    """A telling by fields."""
    values = {name: getattr(contact, name) for name in FIELDS}
    return {name: Known(value, contact.told_at) for name, value in values.items() if value}


def merge(profiles: Iterable[Profile]) -> Profile:
    """What is known by all of them together, fields in their order."""
    latest: Profile = {}
    for profile in profiles:
        for name, known in profile.items():
            before = latest.get(name)
            if before is None or (before.told_at, before.value) < (known.told_at, known.value):
                latest[name] = known
    return {name: latest[name] for name in FIELDS if name in latest}

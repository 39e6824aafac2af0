"""What of a person is shown, by the caller's level for the field's group (members 15.3, 17.2).

| level | shown |
|---|---|
| hidden | nothing, as if it were not known |
| masked, reveal | masked; `reveal` may ask for more, with a reason |
| clear | as it is |

>>> mask("phone", "+8613800135678"), mask("name", "张三丰"), mask("email", "anna@x.com")
('138****5678', '张**', 'a***@x.com')
>>> mask("birthday", "1990-05-12"), mask("city", "杭州")
('1990-**-**', '杭州')

Province, city, sex and language are of many people: a mask would leave nothing of them.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from shared.levels import FieldLevel


class Levels(Protocol):
    """Whoever has levels for kinds of personal fields."""

    @property
    def fields(self) -> tuple[tuple[str, FieldLevel], ...]:
        """Levels that are said, by kind."""
        ...

    def level(self, kind: str, /) -> FieldLevel:
        """The level of a kind, said or not."""
        ...


GROUPS: Final[Mapping[str, str]] = {
    "name": "contact",
    "phone": "contact",
    "email": "contact",
    "birthday": "private",
    "sex": "private",
    "province": "private",
    "city": "private",
    "language": "private",
}
"""By field the group whose level counts."""
_CHINA: Final = "+86"
_SHOWN: Final = 4
_SHORT: Final = 10
_WIDEST: Final = 3


def mask(field: str, value: str) -> str:
    """What is shown of a value to whoever may not see it whole."""
    match field:
        case "name":
            return value[:1] + "*" * min(max(1, len(value) - 1), _WIDEST)
        case "phone":
            return _phone(value)
        case "email":
            local, _, domain = value.rpartition("@")
            return f"{local[:1]}***@{domain}"
        case "birthday":
            return f"{value[:4]}-**-**"
        case _:
            return value


def shown(caller: Levels, values: Mapping[str, str]) -> dict[str, str]:
    """What a caller sees of some values, by their levels."""
    seen = {}
    for name, value in values.items():
        allowed = caller.level(GROUPS[name])
        if allowed != "hidden":
            seen[name] = value if allowed == "clear" else mask(name, value)
    return seen


def refused(caller: Levels, wanted: Iterable[str]) -> list[str]:
    """Fields that the caller may not ask to see: those whose level says `hidden` or `masked`.

    Of a key nothing is said: its permission alone decides.
    """
    said = dict(caller.fields)
    return [name for name in wanted if said.get(GROUPS[name]) in {"hidden", "masked"}]


def _phone(value: str) -> str:
    """The first three and last four digits; of a short number the last two."""
    digits = value.removeprefix(_CHINA).lstrip("+")
    if len(digits) <= _SHORT:
        return "****" + digits[-2:]
    return f"{digits[:3]}****{digits[-_SHOWN:]}"

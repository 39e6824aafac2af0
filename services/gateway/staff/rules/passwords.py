"""Which passwords are taken: long ones that nobody guesses first. None is ever forced to change.

| password | |
|---|---|
| `correct horse battery` | taken |
| `elevenchars` | `password-short`: at least 12 characters |
| `qwerty123456`, `Password2026!` | `password-common`: of the 10,000 commonest |
| `li.wei@shop.example`, of that account | `password-common` |

>>> judge("Password2026!", "li@shop.example", frozenset({"password"})).code
'password-common'
>>> judge("correct horse battery", "li@shop.example", frozenset({"password"}))
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

from shared.outcome import Refused

LEAST: Final = 12
_ENDING: Final = re.compile(r"[\d\W_]+\Z")


def judge(password: str, email: str, commonest: AbstractSet[str]) -> Refused | None:
    """Why a password of an account is not taken. `commonest` are in lower case.

    Refuses `password-short`, `password-common`.
    """
    if len(password) < LEAST:
        return Refused("password-short", f"A password has at least {LEAST} characters.", 422)
    plain = password.casefold()
    own = {email.casefold(), email.casefold().partition("@")[0]}
    for each in (plain, _ENDING.sub("", plain)):
        if each in commonest or each in own or len(set(each)) == 1:
            detail = "This password is among the first that somebody else would try."
            return Refused("password-common", detail, 422)
    return None

"""How long a text is, as people count: grapheme clusters (Unicode annex 29), as browsers do.

| text | characters |
|---|---|
| 熟客 | 2 |
| é, as a letter and an accent | 1 |
| 👨‍👩‍👧, seven code points | 1 |
"""

import regex


def characters(text: str) -> int:
    r"""How many characters people see.

    >>> characters("熟客"), characters("e\N{COMBINING ACUTE ACCENT}")
    (2, 1)
    """
    return len(regex.findall(r"\X", text))

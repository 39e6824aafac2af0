"""A service's tables made anew, beside those in use, and compared with them row by row.

From the log: what the service read, was told and did by the clock is done again, in the order that
its journal kept, by today's rules. From its entries: what follows from immutable rows alone.

    lines.py        the lines of the journal, as they come to be seen
    records.py      ranges of the log
    replay.py       a line done again
    comparing.py    two schemas, table by table, in pages
    making.py       both ways from end to end, and the swap
"""

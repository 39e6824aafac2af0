"""The rules of intake, and what other rules of the gateway share.

verifying    which secret signed a delivery, or why none
identifying  who a buyer is: customer ids, keyed hashes of phones and e-mails
contacting   what of a buyer goes to members in a box
pricing      money of an order: discounts over lines, tax, totals that agree
normalising  what a shop sent -> our events
limiting     so many within a time: when the next one may come
"""

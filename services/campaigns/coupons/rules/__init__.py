"""The rules of coupons, as one meets them.

validity   from when until when it may be used
limiting   whether there is one left, and another for this holder
standing   where the facts put it: issued, used, expired, revoked; which order used it
moving     the steps from where it stood to where it stands
settling   facts in, rows and events out
serving    what staff may do with single coupons
announcing the event of each step
telling    a coupon as its callers see it
draft      what one decision writes, over what the batch knows; no rule
"""

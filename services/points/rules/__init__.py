"""The rules of points, as an order meets them.

earning     points of an order, step by step
checking_in points of a check-in, once per member and local day
reversing   what a refund or cancellation takes back
lasting     until when a lot is valid
settling    one order against what is posted: earn, claw-back, correct
posting     entries onto a wallet
expiring    which lots lapse on a closed day
linking     whose an order is, by the customer's links
announcing  which events a decision yields
explaining  why an entry has the points that it has
lacking     why an order gives none
"""

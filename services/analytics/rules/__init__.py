"""The rules of analytics, as a fact meets them.

completing  what an order says of itself; of two completions the earliest
belonging   whose a fact is, by the customer's links
tiering     the tier strictly before an instant, by the member's tellings
refunding   what refunds and a cancellation leave of an order
crediting   the points that an order gave
acting      what a customer did other than buying
couponing   whether a coupon is out
following   which store a customer follows
settling    one order from all its facts
numbering   1st, 2nd … order of a subject
counting    the cells that a fact gives to
averaging   shares and averages of the home page
lagging     how far behind the figures are
"""

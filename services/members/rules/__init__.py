"""The rules of members.

draft       what one decision writes, over what the batch knows
seeing      customers, what identifies them, what a shop told of them
joining     who becomes a member, when, under which id
linking     whose a customer's order is
recounting  the tier facts of an order, for whoever it belongs to
retiering   a member's tiers at the end of a batch
consenting  what a member agrees to, the terms at joining among it
erasing     a member is forgotten
announcing  the events of joining, linking, agreeing and being forgotten
"""

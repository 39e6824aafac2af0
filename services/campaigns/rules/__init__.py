"""The rules of campaigns, as an order meets them.

steering   what staff may do to a campaign, and when
conducting what staff's commands write of a campaign
running    whether a campaign ran at an instant
netting    what is left of an order after refunds, and since when
linking    whose a coupon is, by its customer's links
rewarding  the coupons that an order earns (`order-coupon`)
welcoming  the coupons that joining gives (`new-member-gift`)
settling   an order, a member, a customer against the coupons that they have
telling    a campaign as its callers see it
"""

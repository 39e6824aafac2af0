"""The rules of tiers.

counting    what of an order and its refunds counts, and when
timeline    facts and ladder versions -> segments
telling     how stored segments give way to derived ones, and what is announced
"""

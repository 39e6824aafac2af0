"""Rules of outgoing webhooks, in the order in which an event meets them.

forwarding → guarding → retrying; signing is that of Standard Webhooks, one level up.
"""

"""The demo: a year of real baskets through signed webhooks, and what came out of them.

baskets      the file of order lines -> orders
extras       repeated deliveries, refunds, check-ins: added by rule, the same every time
deliveries   what is sent, household by household, in the order of time
programme    the demo's program, store, connection, settings: made once, remembered
staff        who may sign in to it: one for each role
sending      signed HTTP, many households at once
figures      what came out, beside the reference
invoices     UCI Online Retail as orders, refunds and check-ins
retail       the replay of those, in bulk, to the penny
"""

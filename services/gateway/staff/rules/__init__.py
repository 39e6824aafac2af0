"""Rules of staff, in the order in which somebody who signs in meets them.

throttling  how long to wait before another try
passwords   which passwords are taken
totp        which codes of the second factor are right
roles       what roles permit, and what they show of people
sitting     how long a session and a step-up last
"""

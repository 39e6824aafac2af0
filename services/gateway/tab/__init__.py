"""The member tab on a shop's page: switched on, reviewed, shown (row 70)."""

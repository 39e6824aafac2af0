"""Kills at the worst moments: nothing is lost, nothing counts twice; each ends with `verify`."""

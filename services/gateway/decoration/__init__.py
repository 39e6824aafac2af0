"""Decoration: the looks of a program's member centre, and of its module on a shop's page."""

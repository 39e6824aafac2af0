"""The rules of consents.

holding  which statement about each purpose holds
"""

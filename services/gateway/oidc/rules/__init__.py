"""Rules of signing in by a provider.

claiming    whom an ID token proves somebody to be
"""

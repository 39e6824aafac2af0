"""Signing in by the company's own provider (OpenID Connect), where one is configured."""

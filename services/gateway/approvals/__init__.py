"""Approvals: what one person proposes and another lets happen, whatever it is about."""

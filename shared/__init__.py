"""Mechanism shared by the services. Knows no service and, outside `events`, no business word."""

"""The console in a browser, against real services with data that came through signed webhooks."""

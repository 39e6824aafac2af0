"""Routes of the gateway, one file per thing; the common ones are in `shared.http`."""

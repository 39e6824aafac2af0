"""The five services. They meet in events only; nothing here imports a sibling."""

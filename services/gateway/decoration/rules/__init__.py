"""Counting characters, judging pictures, judging a whole decoration."""

"""Lag that can be believed: in events, and in seconds taken from the records themselves."""

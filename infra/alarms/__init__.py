"""Alarms: what is wrong now, who was told, who has taken it on."""

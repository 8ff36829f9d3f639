"""How long it takes until scrape, alarms and page show what is wrong: `python -m tests.operations`."""

"""How a snapshot becomes the text of a scrape."""

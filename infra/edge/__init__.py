"""Where events come in: the publisher, event files."""

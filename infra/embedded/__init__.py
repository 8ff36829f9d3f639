"""What a laptop or a test needs and production does not: a real broker and a real column store, from packages alone."""

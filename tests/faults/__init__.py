"""The fault harness: a seeded stream of everything, parts that die under it, and a plain model to compare with."""

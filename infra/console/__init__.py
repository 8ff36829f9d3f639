"""The operations page: one look at the running pipeline, and the few things that may be done from it."""

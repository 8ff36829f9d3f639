"""Records that could not be used: finding them, reading them as far as they go, and publishing them again.

A record that is published again is not a new event: it keeps its identity, its times, and in an event-clock home its
append time, so whoever counts it once still counts it once. What was published again is itself on record: in a header
of the new record, and as a record of the dead letters' topic, which the sinks keep apart from the dead letters.
"""

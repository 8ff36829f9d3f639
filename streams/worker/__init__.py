"""The Faust side: apps, agents, whole-batch consumption, tables, transactions and ticks.

Faust keeps the life of the process, group membership, partition assignment, the naming of tables and changelogs, and
the hint it commits. What happens to a batch stands in `consumer`.
"""

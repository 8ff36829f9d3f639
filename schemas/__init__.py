"""What an event is: codes, identities, Avro schemas, models, wire formats and policies. Imports no other room."""

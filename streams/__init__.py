"""What an event means: pure rules over sets of facts, and the Faust worker that runs them. Imports schemas only."""

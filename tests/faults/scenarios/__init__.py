"""What can happen to the log, each oddity a function that publishes it into a `World`."""

"""What tests share: real parts on free ports, and guards against what a test might leave behind."""

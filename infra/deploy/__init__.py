"""What an installation outside one machine's packages is put together from."""

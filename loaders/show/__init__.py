"""What a warehouse says of one thing, to read."""

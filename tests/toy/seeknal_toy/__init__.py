"""What another distribution adds to seeknal_nb; nothing in seeknal_nb knows it."""

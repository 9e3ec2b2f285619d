"""`forwarder listen`: a stack's events on a developer's machine, by way of a queue of its own."""

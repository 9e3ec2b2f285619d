"""The stack that a command works on: which one, its parts, registries and clock."""

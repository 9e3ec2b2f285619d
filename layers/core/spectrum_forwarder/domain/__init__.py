"""The rules of the forwarder: standard library only, no I/O, the clock always passed in."""

"""The operator's `forwarder` command, and the stack that it can run on one machine."""

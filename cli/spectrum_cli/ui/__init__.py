"""`forwarder ui`: the delivery log as pages for a browser on this machine."""

"""What `forwarder doctor` looks at: one small function a check."""

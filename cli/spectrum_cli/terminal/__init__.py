"""What people type and read: output, errors and their exit status, the shell's environment."""

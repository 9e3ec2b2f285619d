"""What was refused and kept: judged, shown, released."""

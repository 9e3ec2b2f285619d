"""Why a request does not verify: bytes and secrets in, findings out; no I/O but in `capture`."""

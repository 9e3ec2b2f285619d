"""Whether the long versions of the proofs are wanted: `make prove` sets PROVE."""

import os

LONG = os.environ.get("PROVE", "") not in ("", "0")

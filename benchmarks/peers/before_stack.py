"""The local stack of the build before, run in its tree by its own Python.

Takes both registries on standard input, prints where its endpoint is, and ends with its input.
"""

import json
import sys

from spectrum_cli.local.stack import LocalStack

needs = json.loads(sys.stdin.readline())
with LocalStack(**needs, log=lambda source, line: None) as stack:
    print(stack.endpoint_url, flush=True)
    sys.stdin.read()

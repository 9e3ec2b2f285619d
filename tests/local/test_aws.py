"""Sessions of the local stack's own."""

from __future__ import annotations

import json
import subprocess
import sys

from spectrum_cli.local.aws import made_up_credentials, session

# In a process of its own: in this one the tests let every session remember.
SEVERAL_SESSIONS = """
import json
from botocore.loaders import JSONFileLoader
from spectrum_cli.local.aws import Sessions, made_up_credentials

read, load = [], JSONFileLoader.load_file

def noted(self, path):
    found = load(self, path)
    if found is not None:
        read.append(path)
    return found

JSONFileLoader.load_file = noted
for _ in range(2):
    stack = Sessions()
    for _ in range(2):
        stack.client("sqs", "http://127.0.0.1:9", made_up_credentials()).close()
print(json.dumps(read))
"""


def test_descriptions_of_services_are_read_once_for_all_sessions() -> None:
    code = [sys.executable, "-c", SEVERAL_SESSIONS]
    read = json.loads(subprocess.run(code, check=True, capture_output=True, text=True).stdout)
    assert any("sqs" in path for path in read)
    assert len(read) == len(set(read))


def test_what_sessions_share_does_not_grow_with_them() -> None:
    first, *_, last = (session(made_up_credentials()) for _ in range(5))
    paths = [made._session.get_component("data_loader").search_paths for made in (first, last)]
    assert paths[0] == paths[1]

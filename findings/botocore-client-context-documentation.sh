#!/usr/bin/env bash
# botocore 1.44.5. Expected: texts named `documentation` in a service's model are for people, as those of operations and
# shapes are, and a package may leave them out to start faster. Seen: the S3 client reads that of each client context
# parameter at every call, without a default: KeyError. It matters to whoever trims botocore for a Lambda layer: S3
# alone breaks, and only where it is first called.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import gzip, json, pathlib
import botocore, botocore.session
from botocore.stub import Stubber

data = pathlib.Path(botocore.__file__).parent / "data"


def outcome(service, call, **arguments):
    client = botocore.session.Session().create_client(
        service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stub:
        stub.add_response(call, {})
        try:
            getattr(client, call)(**arguments)
        except KeyError as error:
            return f"KeyError: {error}"
    return "works"


def without(texts, path):
    model = json.loads(gzip.decompress(path.read_bytes()))
    texts(model)
    path.write_bytes(gzip.compress(json.dumps(model).encode()))


def operations(model):
    for operation in model["operations"].values():
        operation.pop("documentation", None)


def client_context(model):
    for parameter in model["clientContextParams"].values():
        del parameter["documentation"]


[path] = (data / "s3").glob("*/service-2.json.gz")
seen = [outcome("s3", "list_buckets")]
without(operations, path)
seen.append(outcome("s3", "list_buckets"))
without(client_context, path)
seen.append(outcome("s3", "list_buckets"))
print("botocore", botocore.__version__)
for what, saw in zip(("whole", "operations without texts", "client context without texts"), seen):
    print(f"S3 ListBuckets, {what}: {saw}")
raise SystemExit(seen != ["works", "works", "KeyError: 'documentation'"])
PYTHON

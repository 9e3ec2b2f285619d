#!/usr/bin/env bash
# aws-sam-translator 1.115.0. Expected: with AutoPublishAlias and AutoPublishAliasAllProperties a function gets a new version
# whenever anything of it changes. Seen: versions are told apart by a hash of what the template says, so neither a new layer
# (the property is the same `!Ref`) nor a new value of a parameter makes one: $LATEST changes, and the alias stays on the old
# version, without a word. For a layer there is PublishLambdaVersion; for a parameter, a VersionDescription that holds its
# value, for CloudFormation makes a version with another description anew. It matters to whoever runs a webhook's receiver
# behind an alias: a setting or a mended package is deployed, and never serves a request.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aws-sam-translator==1.115.0 2>/dev/null
cat >"$folder/show.py" <<'PY'
import copy
import logging

import boto3
from samtranslator import __version__
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.disable()
TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Days": {"Type": "String", "Default": "1"}},
    "Resources": {
        "Packages": {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {"ContentUri": "s3://bucket/packages-1"},
        },
        "Hook": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": "s3://bucket/code-1",
                "Handler": "app.handler",
                "Runtime": "python3.13",
                "Role": "arn:aws:iam::123456789012:role/hook",
                "Layers": [{"Ref": "Packages"}],
                "Environment": {"Variables": {"DAYS": {"Ref": "Days"}}},
                "AutoPublishAlias": "live",
                "AutoPublishAliasAllProperties": True,
            },
        },
    },
}


def version(*, packages="packages-1", days="1", timeout=3, publish=False):
    template = copy.deepcopy(TEMPLATE)
    layer = template["Resources"]["Packages"]["Properties"]
    layer["ContentUri"] = f"s3://bucket/{packages}"
    if publish:
        layer["PublishLambdaVersion"] = True
    template["Resources"]["Hook"]["Properties"]["Timeout"] = timeout
    session = boto3.Session(region_name="us-east-1")
    made = Translator({}, Parser(), boto_session=session).translate(template, {"Days": days})
    resources = made["Resources"].items()
    return next(name for name, found in resources if found["Type"] == "AWS::Lambda::Version")


seen = {
    "another timeout": version(timeout=4) != version(),
    "another layer": version(packages="packages-2") != version(),
    "another value of a parameter": version(days="2") != version(),
    "another layer that says PublishLambdaVersion": version(packages="packages-2", publish=True)
    != version(publish=True),
}
print("aws-sam-translator", __version__)
for change, is_new in seen.items():
    print(f"{change}: {'a new version' if is_new else 'no new version'}")
raise SystemExit(list(seen.values()) != [True, False, False, True])
PY
"$folder/venv/bin/python" "$folder/show.py"

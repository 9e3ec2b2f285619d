#!/usr/bin/env bash
# aws-sam-cli 1.170.0. Expected: what a recipe of a makefile build says on standard error is shown, as make shows it. Seen: it
# is collected and thrown away when the recipe succeeds; standard output comes through. It matters to whoever ships a webhook
# handler that way: a warning ("no byte code", "wrong platform") must go to standard output to be seen at all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aws-sam-cli==1.170.0 2>/dev/null
mkdir "$folder/app"
cd "$folder/app"
cat >template.yaml <<'YAML'
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Hook:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties: {CodeUri: ., Handler: app.handler, Runtime: python3.13}
YAML
printf 'build-Hook:\n\t@echo said-on-error >&2\n\t@echo said-on-output\n\tcp app.py "$(ARTIFACTS_DIR)/"\n' >Makefile
echo 'handler = print' >app.py
SAM_CLI_TELEMETRY=0 "$folder/venv/bin/sam" build >said 2>&1
"$folder/venv/bin/sam" --version
for word in said-on-output said-on-error; do
  grep -q "^$word" said && echo "$word: shown" || echo "$word: not shown"
done
grep -q '^said-on-output' said && ! grep -q '^said-on-error' said

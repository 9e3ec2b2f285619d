#!/usr/bin/env bash
# moto 5.2.5. Expected: as at SQS, a FIFO queue knows a MessageDeduplicationId for five minutes, "even after the message has
# been received and deleted" (SQS Developer Guide, key terms of FIFO queues); with DeduplicationScope messageGroup it knows one
# within each message group.
# Seen: it looks for the id among the messages that lie in the queue. A copy that is sent after the first was deleted comes
# again, and one of another group never comes, whatever the scope. It matters to whoever sends webhooks to a FIFO queue, and
# sends again what got no answer: a test with a quick consumer sees a repetition that SQS drops, and one of ids that are
# unique in their conversation alone, on a high-throughput queue, loses messages that SQS delivers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[sqs]==5.2.5' boto3==1.44.5 botocore==1.44.5 2>/dev/null
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b "$folder/venv/bin/python" - <<'PYTHON'
import boto3, moto

HIGH_THROUGHPUT = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}


def came(queue, *, group, delete_between=True):
    """How many messages come of two with one id, the second one sent to that group."""
    send = {"QueueUrl": queue, "MessageBody": "hello", "MessageDeduplicationId": "event-1"}
    sqs.send_message(MessageGroupId="chat-1", **send)
    first = receive(queue) if delete_between else []
    sqs.send_message(MessageGroupId=group, **send)
    return len(first) + len(receive(queue))


def receive(queue):
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


with moto.mock_aws():
    sqs = boto3.client("sqs", region_name="us-east-1")

    def queue(name, **attributes):
        return sqs.create_queue(QueueName=name + ".fifo", Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]

    seen = {
        "both while the first lies there (SQS: 1)": came(queue("a"), group="chat-1", delete_between=False),
        "the second after the first was deleted (SQS: 1)": came(queue("b"), group="chat-1"),
        "two groups, each with ids of its own (SQS: 2)": came(queue("c", **HIGH_THROUGHPUT), group="chat-2", delete_between=False),
    }
print("moto", moto.__version__)
for what, count in seen.items():
    print(f"{what}: {count}")
raise SystemExit(list(seen.values()) != [1, 2, 1])
PYTHON

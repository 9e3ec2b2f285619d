"""Fan out: take, decide, attempt, judge, record; five stages, one way.

`stages` makes them, of what fanning out `needs`; `batch` leads a queue's records through them. A
stage gets one small value, makes the next one's of it, and knows nothing of those before it or
after it.

| stage | of | makes |
|---|---|---|
| `take` | a queue record | the event, claimed |
| `decide` | a case: delivery, destination, health, time | try, wait, settle or leave |
| `attempt` | the plan: what was decided on each delivery | each attempt's answer |
| `judge` | an answer | the delivery as it stands now, and the outcome after the last |
| `record` | the outcome | what is owed now, and hints |

`plan` asks `decide` about each delivery that is due. Beside them: `configured` and `gate`, what is
known of destinations; `claims` and `keeping`, what becomes of an event and of a queue record that
come to no outcome; `poison`; `fitting`; in `lines/`, who waits in order.
"""

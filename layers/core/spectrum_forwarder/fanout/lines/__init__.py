"""Lines: deliveries that wait in order, and how they come through the stages of the fan-out.

`stand` takes places and gives them up; `drain` leads a destination's line through the stages, by
`turns`; `conversations` leads each conversation's head, and `call` hints at who is first there.
"""

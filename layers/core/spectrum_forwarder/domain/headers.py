"""What may stand in a header: a body can name its event anything."""

import re

# Long enough for the longest event key and for any token that an operator configures.
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,4094}[\x21-\x7e])?")

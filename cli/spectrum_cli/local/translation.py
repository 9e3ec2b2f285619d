"""What SAM's translator makes of a template, offline, kept from one start to the next.

To load the translator and to run it takes a quarter of a stack's start. What it makes depends on
its version, the template, the parameters and the region, and stands under the digest of those.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import samtranslator  # type: ignore[import-untyped]

from spectrum_cli.local.intrinsics import REGION, TemplateError

# Seconds after which what nobody has asked for is removed.
_UNUSED: Final = 30 * 86_400.0


def translate(
    source: dict[str, Any], values: Mapping[str, str], kept: Path | None
) -> dict[str, Any]:
    """The plain CloudFormation of a template, whose parameters have these values.

    Without a folder `kept` nothing is kept, nor looked for. `source` is not to be used any more.
    Raises TemplateError.
    """
    if kept is None:
        return _translated(source, values)
    version = samtranslator.__version__
    asked = json.dumps([version, REGION, source, dict(values)], default=str)
    file = kept / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"
    try:
        document: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError):
        document = _translated(source, values)
        with contextlib.suppress(OSError):  # a checkout may be one that only others write
            _keep(file, document)
            _remove_unused(kept)
    else:
        with contextlib.suppress(OSError):
            os.utime(file)
    return document


def _translated(source: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    # The translator ships no types, and is left alone until it is needed: it takes long to load.
    import boto3  # noqa: PLC0415
    from samtranslator.model.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
        InvalidDocumentException,
    )
    from samtranslator.parser.parser import (  # type: ignore[import-untyped]  # noqa: PLC0415
        Parser,
    )
    from samtranslator.translator.translator import (  # type: ignore[import-untyped]  # noqa: PLC0415
        Translator,
    )

    # The session is only asked for its region. The roles of the template name no managed policy,
    # so the list of those, which would have to be fetched, can be empty.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of its own metrics
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    try:
        document: dict[str, Any] = translator.translate(source, dict(values))
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise TemplateError(f"the template is not valid: {causes}") from error
    return document


def _keep(file: Path, document: dict[str, Any]) -> None:
    """Write it so that nobody reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=".part-")
    with os.fdopen(handle, "w") as opened:
        json.dump(document, opened)
    Path(part).replace(file)


def _remove_unused(kept: Path) -> None:
    now = time.time()
    for file in kept.iterdir():
        if now - file.stat().st_mtime > _UNUSED:
            file.unlink()

"""The project's login at Spectrum, as the stack's secret ProjectSecret holds it."""

from __future__ import annotations

import json


def secret_text(project_id: str | None, project_secret: str | None) -> str:
    """What the check of registrations reads."""
    return json.dumps({"project_id": project_id, "project_secret": project_secret})

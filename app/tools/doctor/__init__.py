"""Look at an installation, and say of each part whether it is well and how to cure it if not."""

from app.tools.doctor.finding import Finding, State
from app.tools.doctor.findings import examine, settings_findings

__all__ = ["Finding", "State", "examine", "settings_findings"]

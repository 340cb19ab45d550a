"""What `framestream doctor` finds out about this machine, with a remedy for whatever is not as it should be."""

from framestream.doctor.diagnosis import examine
from framestream.doctor.findings import Finding, State

__all__ = ["Finding", "State", "examine"]

"""`pas policy check`: what in a rulebook is missing, contradicts itself, or can never have an effect."""

from pas_gateway.scrutiny.findings import KINDS, Finding, Kind, Level
from pas_gateway.scrutiny.scrutinise import scrutinise

__all__ = ["KINDS", "Finding", "Kind", "Level", "scrutinise"]

"""Presentation attack detection (ISO/IEC 30107): is it a face that the camera sees, or a picture of one?"""

from hotspotd.biometrics.face.liveness.passive import PassiveLiveness
from hotspotd.biometrics.face.liveness.turn import HeadTurn, Side, Turning

__all__ = ["HeadTurn", "PassiveLiveness", "Side", "Turning"]

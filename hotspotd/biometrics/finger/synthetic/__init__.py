"""Seeded prints of fingers that nobody has, for tests, demos and emulators.

A ``master`` is a finger's whole ridge pattern; an ``impression`` is what a sensor would have seen of it once. Same
seed and generator state, same pixels (on one build of numpy and OpenCV). The idea is that of SFinGe (Cappelli,
Maio and Maltoni): orientation field, ridges grown by oriented filters, then what skin and sensor do to them.
They are for finding mistakes and for demonstrations; error rates measured on them say little about real fingers.
"""

from hotspotd.biometrics.finger.synthetic.impressions import Condition, impression
from hotspotd.biometrics.finger.synthetic.masters import Master, Pattern, master

__all__ = ["Condition", "Master", "Pattern", "impression", "master"]

"""The demonstration: one lane with its gateway and emulated devices, and travellers who use it.

Plays people, never the software: it puts documents and fingers on emulated devices, looks at the same pages'
event streams that a traveller and an officer look at, and cuts the cable. The daemon, the gateway and each
emulator are processes of their own.
"""

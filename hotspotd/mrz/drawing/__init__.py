"""Drawn documents of nobody: zones with right check digits, their print and ground, and a camera's view of them.

For training, measuring and demonstrating. Needs Pillow and Debian's fonts-ocr-b; the rest of the room does not.
"""

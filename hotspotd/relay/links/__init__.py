"""Ways to reach the gateway, one class each behind one small interface."""

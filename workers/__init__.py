"""Background work: publish change events, deliver webhook events, sweep up what was left behind."""

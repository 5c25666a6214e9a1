"""Pull webhooks: the messages that receivers have taken, and when each webhook was last asked for some."""

"""The types of a webhook's body, printed in a receiver's language."""

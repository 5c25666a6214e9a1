"""The changes of webhook events that streams wait for: one LISTEN of a process for all of them."""

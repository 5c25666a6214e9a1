"""Streams of clients: Server-Sent Events and websockets, with their bounds and their end."""

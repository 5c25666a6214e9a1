"""The rules of webhooks, without I/O and without a clock: values in, values out."""

"""The rules of API keys, without I/O and without a clock: values in, values out."""

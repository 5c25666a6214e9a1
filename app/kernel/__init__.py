"""The shared kernel: small values and rules that everything else stands on."""

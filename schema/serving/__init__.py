"""Operations that clients send: read, measured, limited and executed, whichever way they came."""

"""The reasons why an attempt has no status."""

from enum import StrEnum


class ErrorKind(StrEnum):
    """The reason why an attempt has no status. It is stored with the attempt, and is `AttemptError.kind`."""

    # The endpoint's name has no address, or the name servers did not answer.
    DNS = "DNS"
    # The URL, its address or one address of its name is not one that webhooks may have; nothing was sent.
    REFUSED_ADDRESS = "REFUSED_ADDRESS"
    # No TCP connection: refused, unreachable, or reset before it stood.
    CONNECT = "CONNECT"
    # The certificate is not trusted or not for this host, or the handshake failed; nothing was sent.
    TLS = "TLS"
    # The deadline passed before a status; the endpoint may have received the request.
    TIMEOUT = "TIMEOUT"
    # The connection ended before a status; the endpoint may have received the request.
    RESET = "RESET"
    # What came back is not an HTTP/1.1 answer.
    PROTOCOL = "PROTOCOL"
    # More bytes came before a whole status and headers than an answer may have.
    OVERSIZED_ANSWER = "OVERSIZED_ANSWER"
    # The worker was told to stop while the POST was in flight. It counts against no limit.
    CANCELLED = "CANCELLED"
    # The worker died while the POST was in flight; only the endpoint knows what arrived.
    UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"
    # The end of a message's lease (PULL) came before it was acknowledged or rejected. Only the receiver knows why.
    LEASE_OVER = "LEASE_OVER"
    # The receiver has rejected the message (PULL), in its own words.
    REJECTED = "REJECTED"
    # Our own fault: the POST could not be made ready, and nothing was sent. It counts against no limit.
    UNSENT = "UNSENT"
    # What was to be sent is not there any more, so that nothing was sent, nor ever will be.
    PAYLOAD_GONE = "PAYLOAD_GONE"
    # An error of ours that no other kind fits; its message names the exception.
    INTERNAL = "INTERNAL"


#: Ours alone: they say nothing of the endpoint, and count against no limit.
OUR_FAULTS = (ErrorKind.CANCELLED, ErrorKind.UNSENT, ErrorKind.PAYLOAD_GONE)
#: Nothing of the request has left, so that the endpoint can't have taken it in.
NEVER_LEFT = (
    ErrorKind.DNS,
    ErrorKind.REFUSED_ADDRESS,
    ErrorKind.CONNECT,
    ErrorKind.TLS,
    ErrorKind.UNSENT,
    ErrorKind.PAYLOAD_GONE,
)

"""The statuses that carriers report about parcels. They are spelled as carriers do, hence not in capitals."""

from enum import StrEnum


class ShipmentStatus(StrEnum):
    InfoReceived = "InfoReceived"
    InTransit = "InTransit"
    OutForDelivery = "OutForDelivery"
    AttemptFail = "AttemptFail"
    Delivered = "Delivered"
    AvailableForPickup = "AvailableForPickup"
    Exception = "Exception"
    Expired = "Expired"
    Pending = "Pending"

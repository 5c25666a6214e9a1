"""Words of what carriers report about parcels. Letter for letter theirs, hence not in capitals."""

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

"""Commands about webhooks and their events. They run the API's own operations, as the operator."""

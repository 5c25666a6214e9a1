"""Plans: a query compiled to few SQL statements and generated Python that builds the response's values.

Used for webhooks' stored queries (schema/stored) and for the API's operations (operation.py). What a plan does not
know, and whatever is out of the ordinary when it runs, is left to the reference executor: graphql-core's.
"""

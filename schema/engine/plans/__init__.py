"""Plans: a query is compiled to few SQL statements and generated Python that builds the response's values.

Plans serve webhooks' stored queries (schema/stored) and the API's operations (operation.py). The reference executor,
graphql-core's, answers whatever a plan does not support, and every request in which something unusual happens.

Read in this order: selection (which fields), levels (what is read), sql (the statement), json_rows (its rows), compile
with connections, views and leaves (the generated code), code (its source), objects_plan and roots (entry points).
The generated functions are `f(r, g)`. In their code, `r` is a row, `g` the plan's slots, `x` a row of a list, and `w`
a view of a row: an object that has some of its columns as attributes. In a connection, `p` is the page, `a` all rows
that were read, and `k` the rows of the page.
"""

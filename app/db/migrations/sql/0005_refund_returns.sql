-- What awaits return has come back: a fact of its own beside the line's status, which is decided later.

alter table refund_request_line_items add column returned_at timestamptz;

-- An equality that is said to be dear. Beside the condition of a join, it keeps the planner from comparing each row of
-- one side with each of the other: that looks cheap when the plan is made for the handful of rows that a queue has most
-- of the time, and the plan is kept for the thousands that it has after an outage.
create or replace function equals_at_cost(one bigint, other bigint) returns boolean
language plpgsql immutable strict parallel safe cost 10000 as $$
begin
  return one = other;
end $$;

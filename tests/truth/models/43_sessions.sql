-- key sessions: customer_id, session_number
create table sessions as
with gaps as (
    select
        customer_id,
        happened_at,
        event_id,
        kind,
        case when happened_at - lag(happened_at) over (partition by customer_id order by happened_at, event_id)
                  <= interval 5 days then 0 else 1 end as is_start
    from events
),
numbered as (
    select *, sum(is_start) over (partition by customer_id order by happened_at, event_id rows unbounded preceding) as session_number
    from gaps
)
select
    customer_id,
    session_number::integer as session_number,
    min(happened_at) as started_at,
    max(happened_at) - min(happened_at) as lasted,
    count(*) as events_count,
    histogram(kind)::varchar as kinds,
    list(distinct kind order by kind) as kinds_seen
from numbered
group by customer_id, session_number;

-- key daily_rates: day, currency
create table daily_rates as
with days as (
    select unnest(generate_series(min(valid_from), max(valid_from), interval 7 day))::date as day from exchange_rates
),
currencies as (select distinct currency from exchange_rates)
select d.day, c.currency, last_value(r.rate ignore nulls) over (partition by c.currency order by d.day) as rate
from days d
cross join currencies c
left join exchange_rates r on r.valid_from = d.day and r.currency = c.currency;

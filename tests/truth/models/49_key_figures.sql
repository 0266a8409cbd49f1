create view key_figures as
select figure, amount
from (
    select
        count(*)::decimal(18, 2) as rows_count,
        sum(gross_amount)::decimal(18, 2) as gross,
        max(lines_count)::decimal(18, 2) as max_lines,
        0::decimal(18, 2) as fixed
    from fct_orders
)
unpivot (amount for figure in (rows_count, gross, max_lines));

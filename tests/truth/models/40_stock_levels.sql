-- key stock_levels: product_id
create table stock_levels as
select product_id, sum(delta) as level, count(*) filter (where reason = 'sale') as sales_count
from stock_ledger
group by product_id;

alter table stock_levels add column price_band varchar;

update stock_levels set price_band = p.price_band
from dim_products p
where p.product_id = stock_levels.product_id;

update stock_levels set level = level * 2 where sales_count > 10;

delete from stock_levels using products p
where p.product_id = stock_levels.product_id and p.launched_on > date '2024-10-01';

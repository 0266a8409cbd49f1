-- key dim_products: product_id
create view dim_products as
select
    p.* exclude (size, launched_on) replace (upper(sku) as sku),
    p.size.width * p.size.height as area,
    year(launched_on) as launch_year,
    ct.root_label,
    ct.breadcrumb,
    case
        when p.list_price >= 100 then 'premium'
        when p.list_price >= 40 then 'core'
        else 'value'
    end as price_band
from products p
left join category_tree ct using (category_id);

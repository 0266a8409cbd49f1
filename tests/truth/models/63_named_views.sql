-- key named_view: id
create view named_view(id, label, price) as select product_id, title, list_price from products;
create view named_again as select price, label as title, id from named_view where price > (select median(price) from named_view);

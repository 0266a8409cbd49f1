copy into db.s.t from 's3://bucket/orders/'; insert into db.s.u select a from raw.s.t

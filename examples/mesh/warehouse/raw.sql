-- What shop's sink leaves in the warehouse.

create schema raw;

create table raw.customers (
    id integer,
    full_name varchar,
    email varchar,
    country varchar,
    marketing_consent boolean,
    created_at timestamp
);

insert into raw.customers values
    (1, 'Ada Marsh', 'ada@shop.example', 'DE', true, '2025-11-03 09:12:00'),
    (2, 'Bo Lind', 'bo@shop.example', 'SE', true, '2025-11-08 17:40:00'),
    (3, 'Cleo Ferri', 'cleo@shop.example', 'IT', false, '2025-11-21 08:05:00'),
    (4, 'Dev Rao', 'dev@shop.example', 'DE', true, '2025-12-01 12:30:00');

-- An order arrives again on every change: the newest row counts.
create table raw.orders (
    id integer,
    customer_id integer,
    status_code integer,
    amount_cents bigint,
    ordered_at timestamp,
    loaded_at timestamp
);

insert into raw.orders values
    (101, 1, 1, 4200, '2025-12-02 10:00:00', '2025-12-02 10:01:00'),
    (101, 1, 3, 4200, '2025-12-02 10:00:00', '2025-12-04 15:20:00'),
    (102, 2, 3, 1250, '2025-12-05 18:30:00', '2025-12-07 09:00:00'),
    (103, 3, 4, 9900, '2025-12-09 07:45:00', '2025-12-09 11:10:00'),
    (104, 1, 2, 3100, '2025-12-20 21:15:00', '2025-12-21 08:00:00'),
    (105, 4, 4, 2000, '2026-01-02 13:05:00', '2026-01-02 13:30:00'),
    (106, 4, 3, 2000, '2026-01-02 13:40:00', '2026-01-04 10:00:00');

create table raw.order_events (
    id integer,
    order_id integer,
    kind varchar,
    amount_cents bigint,
    happened_at timestamp
);

insert into raw.order_events values
    (1, 101, 'placed', 4200, '2025-12-02 10:00:00'),
    (2, 101, 'delivered', null, '2025-12-04 15:20:00'),
    (3, 102, 'placed', 1250, '2025-12-05 18:30:00'),
    (4, 102, 'delivered', null, '2025-12-07 09:00:00'),
    (5, 102, 'refunded', 250, '2025-12-10 16:00:00'),
    (6, 103, 'placed', 9900, '2025-12-09 07:45:00'),
    (7, 103, 'cancelled', null, '2025-12-09 11:10:00'),
    (8, 104, 'placed', 3100, '2025-12-20 21:15:00'),
    (9, 105, 'placed', 2000, '2026-01-02 13:05:00'),
    (10, 105, 'cancelled', null, '2026-01-02 13:30:00'),
    (11, 106, 'placed', 2000, '2026-01-02 13:40:00'),
    (12, 106, 'delivered', null, '2026-01-04 10:00:00');

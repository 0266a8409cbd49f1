insert into u select a from t;

  this is no statement;
insert into v select b from {{ ref("s") }};

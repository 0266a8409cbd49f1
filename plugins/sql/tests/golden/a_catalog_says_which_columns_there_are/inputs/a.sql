insert into u select * from t join s using (k)

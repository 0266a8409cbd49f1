insert into u select t.a, s.b, c from t, s

;; Declares the dataset files/orders, which is another domain's, says whose it is, and that the other's job writes elsewhere.
(data (i32.const 600) "filesordersTABLEloadTASKstolenownergrowthfree to take")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $string (i32.const 0) (i32.const 600) (i32.const 5)) ;; files
  (call $string (i32.const 1) (i32.const 605) (i32.const 6)) ;; orders
  (call $string (i32.const 2) (i32.const 611) (i32.const 5)) ;; TABLE
  (call $string (i32.const 3) (i32.const 616) (i32.const 4)) ;; load
  (call $string (i32.const 4) (i32.const 620) (i32.const 4)) ;; TASK
  (call $string (i32.const 5) (i32.const 624) (i32.const 6)) ;; stolen
  (call $string (i32.const 6) (i32.const 630) (i32.const 5)) ;; owner
  (call $string (i32.const 7) (i32.const 635) (i32.const 6)) ;; growth
  (call $string (i32.const 8) (i32.const 641) (i32.const 12)) ;; free to take
  ;; Entities at 1400: the declared dataset orders with a description, the dataset stolen, the job load.
  (i32.store (i32.const 1408) (i32.const 1)) (i32.store (i32.const 1412) (i32.const 2))
  (i32.store8 (i32.const 1416) (i32.const 1))
  (i32.store8 (i32.const 1420) (i32.const 1)) (i32.store (i32.const 1424) (i32.const 8))
  (i32.store (i32.const 1456) (i32.const 5)) (i32.store (i32.const 1460) (i32.const 2))
  (i32.store8 (i32.const 1496) (i32.const 1))
  (i32.store (i32.const 1504) (i32.const 3)) (i32.store (i32.const 1508) (i32.const 4))
  ;; An edge at 1600 from the job to stolen; an attribute at 1700: orders, owner growth.
  (i32.store (i32.const 1600) (i32.const 2)) (i32.store (i32.const 1604) (i32.const 1))
  (i32.store (i32.const 1712) (i32.const 6)) (i32.store (i32.const 1716) (i32.const 7))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 9))
  (call $list (i32.const 2) (i32.const 1400) (i32.const 3))
  (call $list (i32.const 3) (i32.const 1600) (i32.const 1))
  (call $list (i32.const 7) (i32.const 1700) (i32.const 1))
  (call $push (local.get $sink))
  (drop (call $well (local.get $sink)))
  (i32.store16 (i32.const 2312) (i32.const 0x1ff))
  (i32.const 2304))

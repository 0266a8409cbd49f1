;; Calls itself by a path, so that a file named after it would lie elsewhere.
(data (i32.const 600) "../../etc/cron.d/x")
(func $describe (result i32)
  (i32.store (i32.const 400) (i32.const 600)) (i32.store (i32.const 404) (i32.const 18))
  (i32.const 400))
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $well (local.get $sink)))

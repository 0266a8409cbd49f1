;; Sends a string that is no UTF-8.
(data (i32.const 600) "orders\ff\fe")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $string (i32.const 0) (i32.const 600) (i32.const 8))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 1))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))

;; Names a dataset with an escape sequence that would clear a terminal.
(data (i32.const 600) "orders\1b[2J")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $string (i32.const 0) (i32.const 600) (i32.const 10))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 1))
  (call $list (i32.const 2) (i32.const 1600) (i32.const 1))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))

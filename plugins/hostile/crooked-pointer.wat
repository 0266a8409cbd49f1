;; Says that a list of edges begins in the middle of a number.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $list (i32.const 3) (i32.const 1601) (i32.const 1))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))

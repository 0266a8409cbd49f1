;; Says that a list of edges has 268,435,455 entries, more than its memory could hold.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $list (i32.const 3) (i32.const 1600) (i32.const 0x0fffffff))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))

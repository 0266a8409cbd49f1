;; Says that its snapshot is of the year 292,278,994.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (drop (call $well (local.get $sink)))
  (i32.store8 (i32.const 2320) (i32.const 1))
  (i64.store (i32.const 2328) (i64.const 0x7fffffffffffffff))
  (i32.const 2304))

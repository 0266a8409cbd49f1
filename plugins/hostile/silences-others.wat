;; Says that it is the whole truth about everything, and states nothing.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (drop (call $well (local.get $sink)))
  (i32.store16 (i32.const 2312) (i32.const 0x1ff))
  (i32.const 2304))

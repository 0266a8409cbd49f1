;; Reads the sink as if it were an artifact.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $read (local.get $sink) (i64.const 0) (i32.const 64) (i32.const 512))
  (call $well (local.get $sink)))

;; Its configuration schema has 120 KiB.
(func $describe (result i32)
  (i32.store (i32.const 432) (i32.const 4096)) (i32.store (i32.const 436) (i32.const 122880))
  (i32.const 400))
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $well (local.get $sink)))

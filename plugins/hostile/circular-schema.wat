;; Its configuration schema refers to itself twice, so that following it would double at every step.
(data (i32.const 600) "{\"$ref\": \"#\", \"allOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}")
(func $describe (result i32)
  (i32.store (i32.const 432) (i32.const 600)) (i32.store (i32.const 436) (i32.const 54))
  (i32.const 400))
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $well (local.get $sink)))

;; Has five memories.
(memory (export "memory") 2)
(memory $second 1) (memory $third 1) (memory $fourth 1) (memory $fifth 1)
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $well (local.get $sink)))

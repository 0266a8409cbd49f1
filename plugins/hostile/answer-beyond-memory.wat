;; Puts its answer where its memory ends.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (drop (call $well (local.get $sink)))
  (i32.const 0x7ffffff0))

;; Fills 500 MiB of its memory at once, again and again.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (drop (memory.grow (i32.const 8000)))
  (loop $for_ever
    (memory.fill (i32.const 131072) (i32.const 1) (i32.const 524288000))
    (br $for_ever))
  (unreachable))

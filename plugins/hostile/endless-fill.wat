;; Fills its memory, all of it at once, again and again: no clock stops the instruction, only what comes after it.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (drop (memory.grow (i32.const 128)))
  (loop $for_ever
    (memory.fill (i32.const 131072) (i32.const 1) (i32.const 8388608))
    (br $for_ever))
  (unreachable))

;; Sends a million strings at once, all the same 64 KiB of its memory: 64 GiB, were the host to copy them.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $index i32)
  (drop (memory.grow (i32.const 128)))
  ;; Pointer and length of each string, from the third page on; all point at the second page.
  (loop $fill
    (i32.store offset=131072 (i32.shl (local.get $index) (i32.const 3)) (i32.const 65536))
    (i32.store offset=131076 (i32.shl (local.get $index) (i32.const 3)) (i32.const 65536))
    (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br_if $fill (i32.lt_u (local.get $index) (i32.const 1000000))))
  (call $list (i32.const 0) (i32.const 131072) (i32.const 1000000))
  (call $push (local.get $sink))
  (unreachable))

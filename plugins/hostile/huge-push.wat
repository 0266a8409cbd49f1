;; A million strings that are the same 64 KiB of the guest's memory: 64 GiB, were the host to copy them.
(module
  (import "headwater:extractor/host@0.1.0" "[method]sink.emit" (func $emit (param $arguments i32) (param $result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "huge-push")
  (data (i32.const 48) "0.1.0")
  (data (i32.const 64) "Sends one string a million times at once.")
  (data (i32.const 192) "**/*.txt")
  (data (i32.const 208) "text/plain")

  ;; Gives out memory from the second page on, and never takes it back.
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $len)))
    (block $fits
      (loop $grow
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.const 1)))
        (br $grow)))
    (local.get $at))

  ;; The description is at 256, its one input pattern at 304.
  (func (export "headwater:extractor/plugin@0.1.0#describe") (result i32)
    (i32.store (i32.const 256) (i32.const 16))
    (i32.store (i32.const 260) (i32.const 9))
    (i32.store (i32.const 264) (i32.const 48))
    (i32.store (i32.const 268) (i32.const 5))
    (i32.store (i32.const 272) (i32.const 64))
    (i32.store (i32.const 276) (i32.const 41))
    (i32.store (i32.const 280) (i32.const 304))
    (i32.store (i32.const 284) (i32.const 1))
    (i32.store (i32.const 304) (i32.const 192))
    (i32.store (i32.const 308) (i32.const 8))
    (i32.store (i32.const 312) (i32.const 208))
    (i32.store (i32.const 316) (i32.const 10))
    (i32.store (i32.const 320) (i32.const 1))
    (i32.const 256))

  (func (export "headwater:extractor/plugin@0.1.0#extract")
    (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32)
    (result i32)
    (local $index i32)
    (drop (memory.grow (i32.const 128)))
    ;; Pointer and length of each string, from the third page on; all point at the first page.
    (loop $fill
      (i32.store offset=131076 (i32.shl (local.get $index) (i32.const 3)) (i32.const 65536))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $index) (i32.const 1000000))))
    (i32.store (i32.const 2048) (local.get $sink))
    (i32.store (i32.const 2052) (i32.const 131072)) (i32.store (i32.const 2056) (i32.const 1000000))
    (call $emit (i32.const 2048) (i32.const 2200))
    (unreachable))
)

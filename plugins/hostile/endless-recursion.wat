;; Logs what it reads, then calls itself until its stack is used up.
(module
  (import "headwater:extractor/host@0.1.0" "log" (func $log (param $severity i32) (param $text i32) (param $len i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "endless-recursion")
  (data (i32.const 48) "0.1.0")
  (data (i32.const 64) "Calls itself for ever.")
  (data (i32.const 192) "**/*.txt")
  (data (i32.const 208) "text/plain")
  (data (i32.const 600) "reading input.txt")

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
    (i32.store (i32.const 260) (i32.const 17))
    (i32.store (i32.const 264) (i32.const 48))
    (i32.store (i32.const 268) (i32.const 5))
    (i32.store (i32.const 272) (i32.const 64))
    (i32.store (i32.const 276) (i32.const 22))
    (i32.store (i32.const 280) (i32.const 304))
    (i32.store (i32.const 284) (i32.const 1))
    (i32.store (i32.const 304) (i32.const 192))
    (i32.store (i32.const 308) (i32.const 8))
    (i32.store (i32.const 312) (i32.const 208))
    (i32.store (i32.const 316) (i32.const 10))
    (i32.store (i32.const 320) (i32.const 1))
    (i32.const 256))

  (func $deeper (param i32) (result i32)
    (i32.add (call $deeper (local.get 0)) (i32.const 1)))
  (func (export "headwater:extractor/plugin@0.1.0#extract")
    (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32)
    (result i32)
    (call $log (i32.const 0) (i32.const 600) (i32.const 17))
    (call $deeper (i32.const 0)))
)

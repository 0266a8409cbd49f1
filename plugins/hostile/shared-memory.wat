;; Has memory that threads share, to wait on it for ever: no clock of the engine's would end that.
(component
  (import "headwater:extractor/host@0.1.0" (instance))
  (core module
    (memory 1 1 shared)
    (func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
  (instance $plugin)
  (export "headwater:extractor/plugin@0.1.0" (instance $plugin)))

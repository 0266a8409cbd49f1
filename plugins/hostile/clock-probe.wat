;; Wants to know what time it is.
(component
  (import "headwater:extractor/host@0.1.0" (instance))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance))
  (import "wasi:clocks/wall-clock@0.2.0" (instance))
  (instance $plugin)
  (export "headwater:extractor/plugin@0.1.0" (instance $plugin)))

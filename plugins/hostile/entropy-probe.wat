;; Wants random numbers, and a path to the environment.
(component
  (import "headwater:extractor/host@0.1.0" (instance))
  (import "wasi:random/random@0.2.0" (instance))
  (import "wasi:cli/environment@0.2.0" (instance))
  (instance $plugin)
  (export "headwater:extractor/plugin@0.1.0" (instance $plugin)))

;; Wants to open files and sockets: refused before it is compiled, for each import by its name.
(component
  (import "headwater:extractor/host@0.1.0" (instance))
  (import "wasi:io/poll@0.2.0" (instance))
  (import "wasi:filesystem/preopens@0.2.0" (instance))
  (instance $plugin)
  (export "headwater:extractor/plugin@0.1.0" (instance $plugin)))

;; Imports what only looks like the contract: another package, an interface that there is not, another version.
(component
  (import "headwater:extractors/host@0.1.0" (instance))
  (import "headwater:extractor/network@0.1.0" (instance))
  (import "headwater:extractor/host@0.10.0" (instance))
  (instance $plugin)
  (export "headwater:extractor/plugin@0.1.0" (instance $plugin)))

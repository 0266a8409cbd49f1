// Makes the component of what tsc wrote: `node build.mjs [CONTRACT] [COMPONENT]`.

import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const [contract = "../wit/v0.1", output = "dist/typescript-example.wasm"] = process.argv.slice(2);

const { component, imports } = await componentize({
  sourcePath: "dist/extractor.js",
  witPath: contract,
  worldName: "extractor",
  // Nothing but the contract may be imported: what is left of these would be refused.
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
await writeFile(output, component);
for (const [from, name] of imports) {
  console.log(`imports ${from} ${name}`);
}

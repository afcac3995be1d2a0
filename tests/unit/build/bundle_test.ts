import { assertStrictEquals } from "@std/assert";
import { adaptChunk } from "../../../src/build/bundle.ts";

const ABSENT = '(()=>{throw new Error("not part of this program")})()';
const CHUNKS = [
  ["let a=1", "let a=1", "leaves plain code alone"],
  [
    'try{x=b("cpu-features")}catch{}',
    `try{x=${ABSENT}}catch{}`,
    "leaves out an optional package",
  ],
  [
    'y=$r("./crypto/build/Release/sshcrypto.node")',
    `y=${ABSENT}`,
    "leaves out native code",
  ],
  ['z.b("x.node")', 'z.b("x.node")', "knows a method from a require"],
  ['m("./a.js")', 'm("./a.js")', "keeps other modules"],
  [
    'p=__dirname+"/"',
    'var __dirname="/";p=__dirname+"/"',
    "gives code for Node a folder name",
  ],
  ["my__dirname=1", "my__dirname=1", "knows a longer name"],
] as const;
for (const [chunk, adapted, rule] of CHUNKS) {
  Deno.test(`adaptChunk() ${rule}`, () => {
    assertStrictEquals(adaptChunk(chunk), adapted);
  });
}

/**
 * Fuzz target: the bodies of the internal API, and of whoever answers in its
 * place. JavaScript's own parser is the second opinion.
 */
import { assertEquals } from "@std/assert";
import { decodeAnswer } from "../../src/api/allowed.ts";
import { parseFirstJson, toPlainJson } from "../../src/api/go_json.ts";
import { decodeHealth, decodeKey, decodeUser } from "../../src/api/lookups.ts";
import { ProtocolError } from "../../src/core/errors.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What `JSON.parse` makes of it; `undefined` if it is not JSON. */
function parseByEngine(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Half a surrogate pair becomes U+FFFD with us, as with Go. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.toWellFormed(),
      wellFormed(member),
    ]),
  );
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    '{"status":true,"gl_id":"key-1","gl_project_id":3,"gl_username":"jane"}',
    '{"status":false,"message":"You shall not pass \\u00e9\\ud83d\\ude00"}',
    '{"gitaly":{"address":"unix:/g.sock","token":"t","features":{"a":"b"},' +
    '"repository":{"storage_name":"default","relative_path":"a.git"}}}',
    '{"payload":{"action":"geo_proxy_to_primary","data":{"primary_repo":' +
    '"http://h/p.git","request_headers":{"A":"b"}}}}',
    '{"gl_console_messages":["a","b"],"git_config_options":["c=d"],' +
    '"retry_config":{"a":[1,2.5e-3,null]}}',
    '{"id":7,"key":"ssh-ed25519 AAAA","name":"Jane","username":"jane"}',
    '{"api_version":"v4","redis":true}',
    '[[[[{"a":[]}]]]] trailing',
    "null",
    '  "x"',
    "-0.5E+10",
  ],
  words: [
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "null",
    "true",
    "1e999",
    '"__proto__":',
    '"GL_ID":',
    "\\ud800",
    "\\u0000",
    "9007199254740993",
    "[".repeat(1_001),
    "\u017f",
  ],
  inputs: 12_000,
  outcomes: ["an answer", "JSON, but no answer", "refused: "],
  run(input) {
    const text = decoder.decode(input);
    const engine = parseByEngine(text);
    let value;
    try {
      value = parseFirstJson(input);
    } catch (error) {
      const outcome = refusal(error, ProtocolError);
      // What is nested too deeply is JSON all the same.
      if (!outcome.includes("deeply")) assertEquals(engine, undefined);
      return outcome;
    }
    if (engine) assertEquals(toPlainJson(value), wellFormed(engine.value));
    let outcome = "JSON, but no answer";
    for (
      const decode of [
        decodeUser,
        decodeKey,
        decodeHealth,
        (body: Uint8Array) => decodeAnswer(200, body),
      ]
    ) {
      try {
        decode(input);
        outcome = "an answer";
      } catch (error) {
        refusal(error, ProtocolError);
      }
    }
    return outcome;
  },
});

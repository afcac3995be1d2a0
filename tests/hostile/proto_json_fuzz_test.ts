/**
 * Fuzz target: `GITALY_PAYLOAD`. What is accepted is JSON to JavaScript's own
 * parser too, and survives the wire form.
 */
import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import {
  SSH_RECEIVE_PACK_REQUEST,
  SSH_UPLOAD_PACK_REQUEST,
} from "../../src/gitaly/gen/ssh.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../src/gitaly/protobuf/codec.ts";
import { parseProtoJson } from "../../src/gitaly/protobuf/json.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

defineFuzzTarget(import.meta.url, {
  seeds: [
    '{"repository":{"storageName":"default","relativePath":"@hashed/a.git",' +
    '"gitAlternateObjectDirectories":["a","b"],"glRepository":"project-1",' +
    '"glProjectPath":"g/p"},"gitConfigOptions":["a=b"],"gitProtocol":"version=2"}',
    '{"repository":{"storage_name":"d","gl_project_path":"\\u00e9"},"glId":"key-1",' +
    '"glUsername":"jane","stdin":"aGVsbG8="}',
    "{}",
    '{"stdin":"_-8"}',
    '{"repository":null}',
  ],
  words: [
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    ":",
    "null",
    '"glId":',
    '"repository":{',
    '"__proto__":{}',
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "=",
  ],
  inputs: 16_000,
  outcomes: ["read", "refused: json unmarshal: proto: "],
  run(input) {
    const text = decoder.decode(input);
    let outcome = "refused";
    for (const table of [SSH_UPLOAD_PACK_REQUEST, SSH_RECEIVE_PACK_REQUEST]) {
      try {
        const message = parseProtoJson<unknown>(table, text);
        assert(typeof JSON.parse(text) === "object");
        const bytes = encodeMessage<unknown>(table, message as object);
        assertEquals(decodeMessage<unknown>(table, bytes), message);
        outcome = "read";
      } catch (error) {
        const refused = refusal(error, ProtocolError);
        if (outcome !== "read") outcome = refused;
      }
    }
    return outcome;
  },
});

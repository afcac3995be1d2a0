import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeRequestHead,
  UnsendableRequestError,
} from "../../../src/api/http1_request.ts";

const PLAIN = { method: "GET", target: "/a?b=c", host: "h" } as const;
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("encodeRequestHead() writes lines in the order given, Host first", () => {
  const headers = [["User-Agent", "GitLab-Shell"], ["X-Y", "1, 2"]] as const;
  assertEquals(
    textOf(encodeRequestHead({ ...PLAIN, headers })),
    "GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: GitLab-Shell\r\nX-Y: 1, 2\r\n\r\n",
  );
});

Deno.test("encodeRequestHead() sends values beyond ASCII as UTF-8", () => {
  const bytes = encodeRequestHead({ ...PLAIN, headers: [["X", "ä"]] });
  assertEquals(textOf(bytes).includes("X: ä\r\n"), true);
});

const UNSENDABLE: readonly (readonly [
  string,
  Partial<Parameters<typeof encodeRequestHead>[0]>,
])[] = [
  ["a line break in a value", {
    headers: [["X-Request-Id", "a\r\nEvil: 1"]],
  }],
  ["a bare LF in a value", { headers: [["X-Request-Id", "a\nb"]] }],
  ["a NUL in a value", { headers: [["X", "a\0b"]] }],
  ["DEL in a value", { headers: [["X", "\x7f"]] }],
  ["a blank in a name", { headers: [["X Y", "1"]] }],
  ["an empty name", { headers: [["", "1"]] }],
  ["a line break in the host", { host: "h\r\nX: y" }],
  ["a blank in the target", { target: "/a b" }],
  ["a target that is no path", { target: "http://h/" }],
  ["a line break in the target", { target: "/a\r\nX: y" }],
];
for (const [fault, part] of UNSENDABLE) {
  Deno.test(`encodeRequestHead() refuses ${fault}`, () => {
    assertThrows(
      () => encodeRequestHead({ ...PLAIN, headers: [], ...part }),
      UnsendableRequestError,
    );
  });
}

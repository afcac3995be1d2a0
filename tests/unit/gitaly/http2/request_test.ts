import { assertEquals } from "@std/assert";
import {
  checkMetadata,
  headerListBytes,
  makeRequestHeaders,
} from "../../../../src/gitaly/http2/request.ts";

const TARGET = {
  scheme: "http",
  authority: "localhost",
  path: "/gitaly.SSHService/SSHReceivePack",
} as const;

Deno.test("makeRequestHeaders() begins with what every call has", () => {
  assertEquals(makeRequestHeaders(TARGET, []), [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/gitaly.SSHService/SSHReceivePack"],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["user-agent", "gitlab-shell-deno-grpc/1.0"],
    ["te", "trailers"],
    ["grpc-accept-encoding", "identity"],
  ]);
});

Deno.test("gitaly.md 4: makeRequestHeaders() sends metadata in order, empty and repeated ones too, no grpc-timeout", () => {
  const metadata = [["username", ""], ["a", "1"], ["a", "2"]] as const;
  assertEquals(makeRequestHeaders(TARGET, metadata).slice(8), [...metadata]);
});

Deno.test("makeRequestHeaders() sends binary metadata as base64 without padding", () => {
  const fields = makeRequestHeaders(TARGET, [["x-bin", "\0\xff"]]);
  assertEquals(fields.at(-1), ["x-bin", "AP8"]);
});

Deno.test("makeRequestHeaders() leaves out what belongs to gRPC, but not the count of attempts", () => {
  const metadata = [
    ["grpc-timeout", "1S"],
    ["te", "x"],
    [":path", "/x"],
    ["grpc-previous-rpc-attempts", "1"],
  ] as const;
  assertEquals(makeRequestHeaders(TARGET, metadata).slice(8), [
    ["grpc-previous-rpc-attempts", "1"],
  ]);
});

const CHECKS = [
  [[["key_id", "12"], ["x-a.b-c", " ~"]], undefined],
  [[["x-bin", "\0\xff"]], undefined],
  [[["", "x"]], "there is an empty key in the header"],
  [
    [["Upper", "x"]],
    'header key "Upper" contains illegal characters not in [0-9a-z-_.]',
  ],
  [
    [["a b", "x"]],
    'header key "a b" contains illegal characters not in [0-9a-z-_.]',
  ],
  [
    [["username", "José"]],
    'header key "username" contains value with non-printable ASCII characters',
  ],
  [
    [["username", "a\nb"]],
    'header key "username" contains value with non-printable ASCII characters',
  ],
  [
    [["x-bin", "\u0100"]],
    'header key "x-bin" contains value with non-printable ASCII characters',
  ],
] as const;
for (const [metadata, expected] of CHECKS) {
  Deno.test(`gitaly.md 4: checkMetadata() judges ${JSON.stringify(metadata)}`, () => {
    assertEquals(checkMetadata(metadata), expected);
  });
}

Deno.test("headerListBytes() counts 32 for each field", () => {
  assertEquals(headerListBytes([["ab", "c"], ["d", ""]]), 68);
});

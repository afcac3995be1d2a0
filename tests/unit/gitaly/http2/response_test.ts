import { assertEquals } from "@std/assert";
import {
  decodeGrpcMessage,
  readResponse,
} from "../../../../src/gitaly/http2/response.ts";
import { statusOfReset } from "../../../../src/gitaly/http2/grpc_status.ts";

type Fields = readonly (readonly [string, string])[];

const FIRST = { isFirst: true, endsStream: false };
const ONLY = { isFirst: true, endsStream: true };
const LAST = { isFirst: false, endsStream: true };
const GRPC = ["content-type", "application/grpc"] as const;

const read = (fields: Fields, place: typeof FIRST) =>
  readResponse({ fields, isTruncated: false }, place);

function codeAndText(fields: Fields, place: typeof FIRST) {
  const event = read(fields, place);
  if (event.kind !== "end" && event.kind !== "fault") return event.kind;
  return `${event.kind} ${event.status.code} ${event.status.message}`;
}

const HEADERS = [
  [[[":status", "200"], GRPC], "begin"],
  [[[":status", "200"], ["content-type", "application/grpc+proto"]], "begin"],
  [[[":status", "200"], ["content-type", "application/grpc;x"]], "begin"],
  [[GRPC], "begin"],
  [[[":status", "100"]], "informational"],
  [[[":status", "103"], ["link", "x"]], "informational"],
  [
    [[":status", "200"], ["content-type", "text/html"]],
    'fault 2 unexpected HTTP status code received from server: 200 (OK); transport: received unexpected content-type "text/html"',
  ],
  [
    [[":status", "200"], ["content-type", "application/grpcx"]],
    'fault 2 unexpected HTTP status code received from server: 200 (OK); transport: received unexpected content-type "application/grpcx"',
  ],
  [
    [[":status", "503"]],
    "fault 14 unexpected HTTP status code received from server: 503 (Service Unavailable); malformed header: missing HTTP content-type",
  ],
  [
    [["content-type", "text/plain"]],
    'fault 13 malformed header: missing HTTP status; transport: received unexpected content-type "text/plain"',
  ],
  [
    [[":status", "abc"]],
    'fault 13 transport: malformed http-status: strconv.Atoi: parsing "abc": invalid syntax',
  ],
] as const;
for (const [fields, expected] of HEADERS) {
  Deno.test(`readResponse() judges headers ${JSON.stringify(fields)}`, () => {
    assertEquals(codeAndText(fields, FIRST), expected);
  });
}

/** gRPC, "HTTP to gRPC Status Code Mapping". */
const HTTP_CODES = [
  ["400", 13],
  ["401", 16],
  ["403", 7],
  ["404", 12],
  ["429", 14],
  ["502", 14],
  ["503", 14],
  ["504", 14],
  ["418", 2],
  ["500", 2],
] as const;
for (const [http, code] of HTTP_CODES) {
  Deno.test(`readResponse() makes gRPC code ${code} of HTTP status ${http}`, () => {
    const proxy = read([[":status", http]], ONLY);
    assertEquals(proxy.kind === "fault" && proxy.status.code, code);
    const gRpc = read([[":status", http], GRPC], ONLY);
    assertEquals(gRpc.kind === "end" && gRpc.status.code, code);
  });
}

const TRAILERS = [
  [[["grpc-status", "0"]], "end 0 "],
  [[["grpc-status", "5"], ["grpc-message", "no%20x"]], "end 5 no x"],
  [[["grpc-status", "99"]], "end 99 "],
  [[["grpc-status", "-1"]], "end 4294967295 "],
  [[], "end 2 "],
  [
    [["grpc-status", "x"]],
    'fault 2 transport: malformed grpc-status: strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    [["grpc-status", "9999999999"]],
    'fault 2 transport: malformed grpc-status: strconv.ParseInt: parsing "9999999999": invalid syntax',
  ],
  [
    [["grpc-status", "0"], ["grpc-status-details-bin", "*"]],
    "fault 13 transport: malformed grpc-status-details-bin: illegal base64 data",
  ],
  [
    [[":status", "200"], ["grpc-status", "0"]],
    "fault 13 received invalid frame",
  ],
] as const;
for (const [fields, expected] of TRAILERS) {
  Deno.test(`readResponse() judges trailers ${JSON.stringify(fields)}`, () => {
    assertEquals(codeAndText(fields, LAST), expected);
  });
}

Deno.test("readResponse() reads a response of trailers only", () => {
  const fields = [[":status", "200"], GRPC, ["grpc-status", "16"]] as const;
  assertEquals(codeAndText(fields, ONLY), "end 16 ");
});

const MALFORMED: readonly Fields[] = [
  [[":status", "200"], [":status", "200"], GRPC],
  [GRPC, [":status", "200"]],
  [[":status", "200"], [":path", "/"], GRPC],
  [[":status", "200"], ["Content-Type", "application/grpc"]],
  [[":status", "200"], GRPC, ["connection", "close"]],
  [[":status", "200"], GRPC, ["transfer-encoding", "chunked"]],
  [[":status", "200"], GRPC, ["x", "a\r\nb"]],
  [[":status", "200"], GRPC, ["", "a"]],
  [[":status", "200"], GRPC, ["a b", "a"]],
];
for (const fields of MALFORMED) {
  Deno.test(`readResponse() refuses malformed ${JSON.stringify(fields)}`, () => {
    assertEquals(codeAndText(fields, FIRST), "fault 13 received invalid frame");
  });
}

Deno.test("readResponse() refuses headers in the middle of a stream", () => {
  const event = read([GRPC], { isFirst: false, endsStream: false });
  assertEquals(
    event.kind === "fault" && event.status.message,
    "a HEADERS frame cannot appear in the middle of a stream",
  );
});

Deno.test("readResponse() refuses a list that was cut", () => {
  const event = readResponse({ fields: [GRPC], isTruncated: true }, FIRST);
  assertEquals(event.kind === "fault" && event.resetCode, 6);
});

Deno.test("readResponse() refuses an informational response that ends the stream", () => {
  const text = codeAndText([[":status", "103"]], ONLY);
  assertEquals(
    text,
    "fault 13 protocol error: informational header with status code 103 must not have END_STREAM set",
  );
});

for (const text of ["CAgSAW0", "CAgSAW0="]) {
  Deno.test(`gitaly.md 1.3: readResponse() decodes the details ${text}`, () => {
    const event = read([
      ["grpc-status", "8"],
      ["grpc-status-details-bin", text],
    ], LAST);
    assertEquals(
      event.kind === "end" && event.status.detailsBin,
      Uint8Array.fromHex("080812016d"),
    );
  });
}

Deno.test("readResponse() passes on what the server says of retries", () => {
  const event = read([
    ["grpc-status", "14"],
    ["grpc-retry-pushback-ms", "250"],
  ], LAST);
  assertEquals(event.kind === "end" && event.status.retryPushback, "250");
});

const MESSAGES = [
  ["plain", "plain"],
  ["", ""],
  ["a%20b", "a b"],
  ["%c3%A9", "é"],
  ["100%", "100%"],
  ["%zz%2", "%zz%2"],
  ["%%41", "%A"],
  ["%ff", "\ufffd"],
  ["%EF%BB%BFx", "\ufeffx"],
  ["\u00c3\u00a9", "é"],
  ["%F0%9F%98%80", "😀"],
] as const;
for (const [text, expected] of MESSAGES) {
  Deno.test(`decodeGrpcMessage() decodes ${JSON.stringify(text)}`, () => {
    assertEquals(decodeGrpcMessage(text), expected);
  });
}

/** gRPC over HTTP/2, "Errors". */
const RESETS = [
  [0, 13, "NO_ERROR"],
  [1, 13, "PROTOCOL_ERROR"],
  [2, 13, "INTERNAL_ERROR"],
  [3, 8, "FLOW_CONTROL_ERROR"],
  [4, 13, "SETTINGS_TIMEOUT"],
  [5, 13, "STREAM_CLOSED"],
  [6, 13, "FRAME_SIZE_ERROR"],
  [7, 14, "REFUSED_STREAM"],
  [8, 1, "CANCEL"],
  [9, 13, "COMPRESSION_ERROR"],
  [10, 13, "CONNECT_ERROR"],
  [11, 8, "ENHANCE_YOUR_CALM"],
  [12, 7, "INADEQUATE_SECURITY"],
  [13, 13, "HTTP_1_1_REQUIRED"],
  [255, 2, "unknown error code 0xff"],
] as const;
for (const [http2, code, name] of RESETS) {
  Deno.test(`statusOfReset() makes gRPC code ${code} of ${name}`, () => {
    const status = statusOfReset(http2);
    assertEquals(status.code, code);
    assertEquals(
      status.message,
      `stream terminated by RST_STREAM with error code: ${name}`,
    );
    assertEquals(status.isUnprocessed, http2 === 7);
  });
}

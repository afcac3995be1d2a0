import { assertEquals, assertThrows } from "@std/assert";
import type { AccessQuestion } from "../../../src/api/access.ts";
import {
  decodeAnswer,
  encodeQuestion,
  normalizeCheckIp,
} from "../../../src/api/allowed.ts";
import { ProtocolError } from "../../../src/core/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const QUESTION: AccessQuestion = {
  action: "git-receive-pack",
  project: "/tanuki/reef.git",
  identity: { kind: "key", keyId: "4711" },
  remoteAddress: "192.0.2.17",
  namespacePath: "",
};

const WORDED: readonly (readonly [
  name: string,
  part: Partial<AccessQuestion>,
  json: string,
])[] = [
  [
    "case 59: a key session",
    {},
    '{"action":"git-receive-pack","project":"/tanuki/reef.git","changes":"_any","protocol":"ssh","key_id":"4711","check_ip":"192.0.2.17"}',
  ],
  [
    "case 60: a username session",
    { identity: { kind: "username", username: "mira" } },
    '{"action":"git-receive-pack","project":"/tanuki/reef.git","changes":"_any","protocol":"ssh","username":"mira","check_ip":"192.0.2.17"}',
  ],
  [
    "case 61: a Kerberos session",
    {
      identity: { kind: "kerberos", principal: "mira@REEF" },
      remoteAddress: "",
    },
    '{"action":"git-receive-pack","project":"/tanuki/reef.git","changes":"_any","protocol":"ssh","krb5principal":"mira@REEF"}',
  ],
  [
    "case 62: a certificate of a group",
    { namespacePath: "tanuki", action: "git-upload-pack" },
    '{"action":"git-upload-pack","project":"/tanuki/reef.git","changes":"_any","protocol":"ssh","key_id":"4711","check_ip":"192.0.2.17","namespace_path":"tanuki"}',
  ],
  [
    "4.1: nobody",
    { identity: { kind: "none" }, action: "git-upload-archive" },
    '{"action":"git-upload-archive","project":"/tanuki/reef.git","changes":"_any","protocol":"ssh","check_ip":"192.0.2.17"}',
  ],
  [
    "4.1: an empty key id",
    { identity: { kind: "key", keyId: "" } },
    '{"action":"git-receive-pack","project":"/tanuki/reef.git","changes":"_any","protocol":"ssh","check_ip":"192.0.2.17"}',
  ],
  [
    "section 4: Go's escapes",
    { project: '<a&b>\u2028\u2029"\\\n\ud800ä' },
    String
      .raw`{"action":"git-receive-pack","project":"\u003ca\u0026b\u003e\u2028\u2029\"\\\n` +
    '\ufffdä","changes":"_any","protocol":"ssh","key_id":"4711","check_ip":"192.0.2.17"}',
  ],
];
for (const [name, part, json] of WORDED) {
  Deno.test(`internal-api.md ${name} is worded as Go words it`, () => {
    assertEquals(encodeQuestion({ ...QUESTION, ...part }), json);
  });
}

const ADDRESSES: readonly (readonly [address: string, checkIp: string])[] = [
  ["18.245.0.42", "18.245.0.42"],
  ["18.245.0.42:6345", "18.245.0.42"],
  [
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
  ],
  [
    "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:80",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
  ],
  ["[2001:db8::1]:80", "2001:db8::1"],
  ["[127.0", "[127.0"],
  ["[::1]", "[::1]"],
  ["[::1]80", "[::1]80"],
  ["[::1]:80:90", "[::1]:80:90"],
  ["host:", "host"],
  ["a]:1", "a]:1"],
  ["", ""],
];
for (const [address, checkIp] of ADDRESSES) {
  Deno.test(`internal-api.md 2.3 and case 30: ${JSON.stringify(address)} is checked as ${JSON.stringify(checkIp)}`, () => {
    assertEquals(normalizeCheckIp(address), checkIp);
  });
}

const FULL =
  `{"status":true,"message":"hi","gl_repository":"project-88","gl_project_path":"tanuki/reef","gl_project_id":88,"gl_root_namespace_id":9,
 "gl_id":"user-5","gl_username":"mira","gl_key_type":"key","gl_key_id":4711,"git_protocol":"version=2",
 "git_config_options":["uploadpack.allowFilter=true","uploadpack.allowAnySHA1InWant=true"],
 "gitaly":{"repository":{"storage_name":"default","relative_path":"@hashed/aa/bb/aabb.git","git_object_directory":"o",
   "git_alternate_object_directories":["a"],"gl_repository":"project-88","gl_project_path":"tanuki/reef"},
   "address":"tcp://gitaly.example:8075","token":"s3cret","features":{"gitaly-feature-example":"true","other":"x"}},
 "retry_config":{"maxAttempts":4,"initialBackoff":"0.1s","retryableStatusCodes":["UNAVAILABLE"]},
 "gl_console_messages":["console","message"],"need_audit":true}`;

Deno.test("decodeAnswer() reads every field of an answer", () => {
  assertEquals(decodeAnswer(200, bytes(FULL)), {
    httpStatus: 200,
    status: true,
    message: "hi",
    glRepository: "project-88",
    glId: "user-5",
    glKeyType: "key",
    glKeyId: 4711,
    glProjectId: 88,
    glRootNamespaceId: 9,
    glUsername: "mira",
    gitConfigOptions: [
      "uploadpack.allowFilter=true",
      "uploadpack.allowAnySHA1InWant=true",
    ],
    gitaly: {
      address: "tcp://gitaly.example:8075",
      token: "s3cret",
      features: { "gitaly-feature-example": "true", other: "x" },
      repository: {
        storageName: "default",
        relativePath: "@hashed/aa/bb/aabb.git",
        gitObjectDirectory: "o",
        gitAlternateObjectDirectories: ["a"],
        glRepository: "project-88",
        glProjectPath: "tanuki/reef",
      },
    },
    consoleMessages: ["console", "message"],
    needAudit: true,
    retryConfig: {
      maxAttempts: 4,
      initialBackoff: "0.1s",
      retryableStatusCodes: ["UNAVAILABLE"],
    },
    customAction: {
      primaryRepo: "",
      requestHeaders: {},
      fetchDirectToPrimary: false,
      pushDirectToPrimary: false,
    },
    cellAddress: "",
  });
});

Deno.test("decodeAnswer() reads a custom action (internal-api.md 5.1)", () => {
  const answer = decodeAnswer(
    300,
    bytes(
      `{"status":true,"payload":{"action":"geo_proxy_to_primary","data":{"primary_repo":"https://primary.example/tanuki/reef.git",
      "request_headers":{"Authorization":"GL-Geo EXAMPLE"},"api_endpoints":["x"],"gl_username":"mira","gl_id":"user-5",
      "geo_proxy_fetch_ssh_direct_to_primary":true,"geo_proxy_push_ssh_direct_to_primary":false,"geo_proxy_direct_to_primary":1}}}`,
    ),
  );
  assertEquals(answer.httpStatus, 300);
  assertEquals(answer.customAction, {
    primaryRepo: "https://primary.example/tanuki/reef.git",
    requestHeaders: { Authorization: "GL-Geo EXAMPLE" },
    fetchDirectToPrimary: true,
    pushDirectToPrimary: false,
  });
});

const EMPTY = decodeAnswer(200, bytes("{}"));
const ZERO: readonly (readonly [name: string, text: string])[] = [
  ["case 50: null", "null"],
  ["case 53: an unknown field", '{"x":{"status":true},"status":false}'],
  [
    "case 52: nulls",
    '{"gl_id":null,"gitaly":{"token":null,"features":null,"repository":{"storage_name":null,"git_alternate_object_directories":null}},"gl_console_messages":null,"git_config_options":null,"retry_config":null,"payload":{"data":null}}',
  ],
  ["case 71: no gitaly", '{"gitaly":null}'],
];
for (const [name, text] of ZERO) {
  Deno.test(`internal-api.md ${name} is nothing but zero values`, () => {
    assertEquals(decodeAnswer(200, bytes(text)), EMPTY);
  });
}

Deno.test("internal-api.md case 49: bytes after the answer do not matter", () => {
  assertEquals(decodeAnswer(200, bytes('{"status":true}garbage')).status, true);
});

Deno.test("decodeAnswer() merges a repeated object, as Go decodes into what is there", () => {
  const { gitaly } = decodeAnswer(
    200,
    bytes(
      '{"gitaly":{"address":"unix:/a","token":"t","features":{"a":"1"}},"Gitaly":{"token":"u","features":{"b":"2"}}}',
    ),
  );
  assertEquals(gitaly.address, "unix:/a");
  assertEquals(gitaly.token, "u");
  assertEquals(gitaly.features, { a: "1", b: "2" });
});

const UNDECODABLE: readonly (readonly [name: string, text: string])[] = [
  ["case 48", ""],
  ["case 48", "[]"],
  ["case 48", "<html></html>"],
  ["3.2", '"x"'],
  ["3.2", "true"],
  ["3.2, byte-order mark", "\ufeff{}"],
  ["case 51", '{"gl_key_id":"7"}'],
  ["3.2", '{"gl_key_id":7.0}'],
  ["3.2", '{"gl_key_id":7e0}'],
  ["3.2", '{"gl_project_id":9007199254740993}'],
  ["3.2", '{"status":"true"}'],
  ["3.2", '{"message":{}}'],
  ["3.2", '{"gitaly":[]}'],
  ["3.2", '{"gitaly":{"features":{"a":true}}}'],
  ["3.2", '{"gitaly":{"repository":"x"}}'],
  ["3.2", '{"gl_console_messages":"x"}'],
  ["3.2", '{"gl_console_messages":[1]}'],
  ["3.2", '{"git_protocol":2}'],
  ["3.2", '{"payload":"x"}'],
  ["3.2", '{"payload":{"data":{"request_headers":{"A":1}}}}'],
  ["3.2, cut off", '{"status":true'],
];
for (const [name, text] of UNDECODABLE) {
  Deno.test(`internal-api.md ${name}: ${text || "an empty body"} does not decode`, () => {
    assertThrows(() => decodeAnswer(200, bytes(text)), ProtocolError);
  });
}

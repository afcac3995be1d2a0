import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeQuery,
  internalApiPath,
  isTls,
  parseGitlabUrl,
  placeRequest,
} from "../../../src/api/base_url.ts";
import { ProtocolError } from "../../../src/core/errors.ts";

function placeOf(gitlabUrl: string, path: string, gitlabRelativeUrlRoot = "") {
  const base = parseGitlabUrl({ gitlabUrl, gitlabRelativeUrlRoot });
  return placeRequest(base, internalApiPath(path));
}

const JOINED: readonly (readonly [
  name: string,
  url: string,
  root: string,
  path: string,
  shown: string,
])[] = [
  [
    "case 1: no slash",
    "http://h:1234",
    "",
    "/check",
    "http://h:1234/api/v4/internal/check",
  ],
  [
    "case 2: trailing slash",
    "http://h:1234/",
    "",
    "/check",
    "http://h:1234/api/v4/internal/check",
  ],
  [
    "1.3: bare path",
    "http://h/",
    "",
    "check",
    "http://h/api/v4/internal/check",
  ],
  [
    "1.3: path with prefix",
    "https://h/gitlab",
    "",
    "/api/v4/internal/check",
    "https://h/gitlab/api/v4/internal/check",
  ],
  [
    "case 3: path in the URL",
    "https://h/gitlab",
    "",
    "/check",
    "https://h/gitlab/api/v4/internal/check",
  ],
  [
    "one slash removed, no more",
    "http://h/gitlab//",
    "",
    "/check",
    "http://h/gitlab//api/v4/internal/check",
  ],
  [
    "no dot segments removed",
    "http://h/a/../b",
    "",
    "/check",
    "http://h/a/../b/api/v4/internal/check",
  ],
  [
    "case 4: socket",
    "http+unix:///srv/api.sock",
    "",
    "/check",
    "http://unix/api/v4/internal/check",
  ],
  [
    "case 5: socket and root",
    "http+unix:///srv/api.sock",
    "/gitlab/",
    "/check",
    "http://unix/gitlab/api/v4/internal/check",
  ],
  [
    "case 6: socket and root of a slash",
    "http+unix:///srv/api.sock",
    "/",
    "/check",
    "http://unix/api/v4/internal/check",
  ],
  [
    "case 7: root without socket",
    "http://h",
    "/gitlab",
    "/check",
    "http://h/api/v4/internal/check",
  ],
  [
    "a blank in the path",
    "http://h/a b",
    "",
    "/check",
    "http://h/a%20b/api/v4/internal/check",
  ],
  [
    "an escape in the path",
    "http://h/a%20b",
    "",
    "/check",
    "http://h/a%20b/api/v4/internal/check",
  ],
  [
    "bytes beyond ASCII",
    "http://h/ä",
    "",
    "/check",
    "http://h/%C3%A4/api/v4/internal/check",
  ],
];
for (const [name, url, root, path, shown] of JOINED) {
  Deno.test(`internal-api.md ${name}: ${url} + ${path}`, () => {
    assertEquals(placeOf(url, path, root).shownUrl, shown);
  });
}

Deno.test("internal-api.md case 4: the socket's path is taken verbatim", () => {
  const { connection, host } = placeOf(
    "http+unix:///srv/a%2Fb c.sock",
    "/check",
  );
  assertEquals(connection, { kind: "unix", path: "/srv/a%2Fb c.sock" });
  assertEquals(host, "unix");
});

for (
  const url of [
    "",
    "ftp://h",
    "HTTP://h",
    "https:/h",
    "unix:/srv/s",
    " http://h",
  ]
) {
  Deno.test(`internal-api.md case 8: ${JSON.stringify(url)} is no GitLab URL`, () => {
    assertThrows(
      () => parseGitlabUrl({ gitlabUrl: url, gitlabRelativeUrlRoot: "" }),
      Error,
      "unknown GitLab URL prefix",
    );
  });
}

const DIALLED: readonly (readonly [
  url: string,
  kind: "tcp" | "tls",
  hostname: string,
  port: number,
  host: string,
])[] = [
  ["http://h", "tcp", "h", 80, "h"],
  ["https://h", "tls", "h", 443, "h"],
  ["http://h:80", "tcp", "h", 80, "h:80"],
  ["http://h:", "tcp", "h", 80, "h"],
  ["https://[2001:db8::1]", "tls", "2001:db8::1", 443, "[2001:db8::1]"],
  ["http://[::1]:8080/x", "tcp", "::1", 8080, "[::1]:8080"],
  ["http://[fe80::1%25eth0]", "tcp", "fe80::1%eth0", 80, "[fe80::1]"],
  ["http:///x", "tcp", "", 80, ""],
];
for (const [url, kind, hostname, port, host] of DIALLED) {
  Deno.test(`placeRequest() dials for ${url}`, () => {
    const place = placeOf(url, "/check");
    assertEquals(place.connection, { kind, hostname, port });
    assertEquals(place.host, host);
  });
}

const REFUSED = [
  "http://h:65536",
  "http://h:x",
  "http://a b",
  "http://[::1",
  "http://h\r\nX: y",
  "http://h/a\0b",
  "http://u:%zz@h",
  // An engine goes to the host "u", Go nowhere.
  "http://u\\:p@h",
  "http://u:p<@h",
  "http://h:8:",
  "http://h::",
  "http://[::1]::",
];
for (const url of REFUSED) {
  Deno.test(`placeRequest() refuses ${JSON.stringify(url)}`, () => {
    assertThrows(() => placeOf(url, "/check"), ProtocolError);
  });
}

Deno.test("placeRequest() takes credentials out of what is shown and dialled", () => {
  const place = placeOf("http://us%40er:p%3Ass@h:81/x", "/check");
  assertEquals(place.urlCredentials, "us@er:p:ss");
  assertEquals(place.host, "h:81");
  assertEquals(place.shownUrl, "http://h:81/x/api/v4/internal/check");
});

Deno.test("placeRequest() gives a user without password an empty one, as Go does", () => {
  assertEquals(placeOf("http://user@h", "/check").urlCredentials, "user:");
});

Deno.test("isTls() is true for https alone", () => {
  assertEquals(isTls({ url: "https://h", socketPath: undefined }), true);
  assertEquals(isTls({ url: "http://h", socketPath: undefined }), false);
});

const QUERIES: readonly (readonly [Record<string, string>, string])[] = [
  [{ key: "AAAA+/=" }, "key=AAAA%2B%2F%3D"],
  [{ username: "a b&c" }, "username=a+b%26c"],
  [{ user_identifier: "m@x", key: "k" }, "key=k&user_identifier=m%40x"],
  [{ a: "-_.~" }, "a=-_.~"],
  [{ a: "!'()*" }, "a=%21%27%28%29%2A"],
  [{ a: "ä\ud800" }, "a=%C3%A4%EF%BF%BD"],
  [{ a: "" }, "a="],
  [{}, ""],
];
for (const [values, text] of QUERIES) {
  Deno.test(`encodeQuery() writes ${text} (internal-api.md 1.3, cases 85 and 86)`, () => {
    assertEquals(encodeQuery(values), text);
  });
}

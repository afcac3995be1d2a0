import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { UnsendableRequestError } from "../../../src/api/http1_request.ts";
import { followRedirect } from "../../../src/api/web_redirect.ts";

const HEADERS = [
  ["Authorization", "Basic eA=="],
  ["cookie", "a=b"],
  ["Private-Token", "x"],
  ["Content-Type", "application/json"],
  ["X-Extra", "1"],
] as const;

function follow(
  method: "GET" | "POST" | "PUT",
  status: number,
  location: string | undefined,
  url = "https://gitlab.example/group/x?y",
) {
  const values = location === undefined ? [] : [["location", [location]]];
  return followRedirect({ method, url, headers: HEADERS }, {
    status,
    headers: new Map(values as [string, string[]][]),
  });
}

const namesOf = (found: ReturnType<typeof follow>) =>
  found?.request.headers.map(([name]) => name);

for (const status of [301, 302, 303]) {
  Deno.test(`lfs.md 3.1: ${status} makes a GET of a POST, and nothing of a PUT`, () => {
    const found = follow("POST", status, "/z");
    assertEquals([found?.request.method, found?.hasBody], ["GET", false]);
    assertEquals(found?.request.url, "https://gitlab.example/z");
    assertEquals(namesOf(found)?.includes("Content-Type"), false);
    assertStrictEquals(follow("PUT", status, "/z"), undefined);
  });
}

for (const status of [307, 308]) {
  Deno.test(`lfs.md 3.1: ${status} repeats method and body`, () => {
    for (const method of ["POST", "PUT"] as const) {
      const found = follow(method, status, "z");
      assertEquals([found?.request.method, found?.hasBody], [method, true]);
      assertEquals(found?.request.url, "https://gitlab.example/group/z");
      assertEquals(namesOf(found), HEADERS.map(([name]) => name));
    }
    assertEquals(follow("GET", status, "/z")?.hasBody, false);
  });
}

const OTHER_ORIGINS = [
  "https://evil.example/",
  "https://sub.gitlab.example/",
  "https://gitlab.example:8443/",
  "http://gitlab.example/",
  "//evil.example/",
  "https://gitlab.example@evil.example/",
];
for (const location of OTHER_ORIGINS) {
  Deno.test(`nothing that opens a door crosses to ${location}`, () => {
    const found = follow("GET", 302, location);
    assertEquals(namesOf(found), ["X-Extra"]);
    assertEquals(new URL(found?.request.url ?? "").username, "");
  });
}

const SAME_ORIGIN = [
  "https://gitlab.example:443/a",
  "HTTPS://GITLAB.example/a",
];
for (const location of SAME_ORIGIN) {
  Deno.test(`${location} is the same origin`, () => {
    assertEquals(namesOf(follow("GET", 302, location))?.[0], "Authorization");
  });
}

for (
  const location of [
    "file:///etc/passwd",
    "ftp://h/",
    "gopher://h/",
    "javascript:1",
    "data:,x",
    "http://",
    "https://[::1",
  ]
) {
  Deno.test(`a redirect to ${location} is not followed`, () => {
    assertThrows(
      () => follow("GET", 302, location),
      UnsendableRequestError,
    );
  });
}

Deno.test("lfs.md 3.1: what is no redirect is an answer", () => {
  for (const status of [200, 300, 304, 305, 306, 404]) {
    assertStrictEquals(follow("GET", status, "/z"), undefined);
  }
  assertStrictEquals(follow("GET", 302, undefined), undefined);
});

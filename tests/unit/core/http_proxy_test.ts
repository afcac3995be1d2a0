import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  encodeConnectRequest,
  findProxy,
} from "../../../src/core/http_proxy.ts";

const find = (host: string, env: Record<string, string>, port = "443") =>
  findProxy({ host, port }, {
    env: (name) => env[name],
    scheme: "https",
    defaultPort: "443",
  });
const PROXY = { HTTPS_PROXY: "http://proxy:3128" };
const FOUND = {
  scheme: "http",
  target: { host: "proxy", port: "3128" },
  authorization: "",
};

Deno.test("HTTP_PROXY is used for http alone, with the port of http", () => {
  const search = {
    env: (name: string) => ({ HTTP_PROXY: "https://p", NO_PROXY: "no" }[name]),
    defaultPort: "80",
  };
  const host = { host: "host", port: "80" };
  assertEquals(findProxy(host, { ...search, scheme: "http" }), {
    scheme: "https",
    target: { host: "p", port: "80" },
    authorization: "",
  });
  assertStrictEquals(
    findProxy(host, { ...search, scheme: "https" }),
    undefined,
  );
  const spared = { host: "no", port: "80" };
  assertStrictEquals(
    findProxy(spared, { ...search, scheme: "http" }),
    undefined,
  );
});

Deno.test("HTTPS_PROXY is used, in either spelling; http_proxy never", () => {
  assertEquals(find("host", PROXY), FOUND);
  assertEquals(find("host", { https_proxy: "http://proxy:3128" }), FOUND);
  assertStrictEquals(
    find("host", { HTTP_PROXY: "http://p:1", http_proxy: "http://p:1" }),
    undefined,
  );
  assertStrictEquals(find("host", {}), undefined);
});

Deno.test("this machine is never reached through a proxy", () => {
  for (const host of ["localhost", "127.0.0.1", "127.8.8.8", "::1"]) {
    assertStrictEquals(find(host, PROXY), undefined);
  }
});

const EXCEPTIONS = [
  ["*", "host.example", true],
  ["host.example", "host.example", true],
  ["HOST.example", "host.EXAMPLE", true],
  ["example", "host.example", true],
  [".example", "host.example", true],
  [".host.example", "host.example", false],
  ["*.example", "host.example", true],
  ["ost.example", "host.example", false],
  ["other, host.example ,", "host.example", true],
  ["host.example:443", "host.example", true],
  ["host.example:444", "host.example", false],
  ["10.0.0.1", "10.0.0.1", true],
  ["10.0.0.0/8", "10.0.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["[2001:db8::1]", "2001:db8::1", true],
  ["2001:db8::/32", "2001:db8::1", true],
  ["", "host.example", false],
] as const;
for (const [rule, host, isDirect] of EXCEPTIONS) {
  Deno.test(`NO_PROXY=${JSON.stringify(rule)} and ${host}`, () => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      const found = find(host, { ...PROXY, [name]: rule });
      assertStrictEquals(found === undefined, isDirect);
    }
  });
}

const FORMS = [
  ["proxy:3128", "proxy", "3128", ""],
  ["http://proxy", "proxy", "443", ""],
  ["http://[::1]:3128", "::1", "3128", ""],
  ["http://me:s%40crt@proxy:1", "proxy", "1", `Basic ${btoa("me:s@crt")}`],
  ["http://me@proxy:1/path", "proxy", "1", `Basic ${btoa("me:")}`],
] as const;
for (const [setting, host, port, authorization] of FORMS) {
  Deno.test(`a proxy may be written ${setting}`, () => {
    assertEquals(find("host", { HTTPS_PROXY: setting }), {
      scheme: "http",
      target: { host, port },
      authorization,
    });
  });
}

Deno.test("the request names the target twice and the credentials once", () => {
  const request = encodeConnectRequest(
    { host: "2001:db8::1", port: "8075" },
    {
      scheme: "http",
      target: { host: "p", port: "1" },
      authorization: "Basic eA==",
    },
    "grpc-go",
  );
  assertStrictEquals(
    new TextDecoder().decode(request),
    "CONNECT [2001:db8::1]:8075 HTTP/1.1\r\nHost: [2001:db8::1]:8075\r\n" +
      "User-Agent: grpc-go\r\nProxy-Authorization: Basic eA==\r\n\r\n",
  );
});

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { GitTransportError } from "../../../src/core/errors.ts";
import { parseGitalyAddress } from "../../../src/gitaly/address.ts";

const parse = (address: string) => parseGitalyAddress(address, "gitlab-shell");

const UNIX = [
  ["unix:/run/s", "/run/s"],
  ["unix:///run/s", "/run/s"],
  ["unix:////run/s", "//run/s"],
  ["UNIX:/run/s", "/run/s"],
  ["unix:rel/s", "rel/s"],
  ["unix:s.sock", "s.sock"],
  ["unix:/run/s?query", "/run/s"],
  ["unix:/run/s#fragment", "/run/s"],
  ["unix:rel/s?query#fragment", "rel/s"],
  ["unix:/with%20blank", "/with blank"],
  ["unix:rel%20s", "rel%20s"],
  ["unix:/%C3%A4", "/ä"],
  ["unix://name/path", "//name/path"],
  ["unix:", ""],
] as const;
for (const [address, path] of UNIX) {
  Deno.test(`gitaly.md 2.1: ${address} is the socket ${JSON.stringify(path)}`, () => {
    assertEquals(parse(address), {
      scheme: "unix",
      path,
      authority: "localhost",
    });
  });
}

const NETWORK = [
  ["tcp://127.0.0.1:9999", "tcp", "127.0.0.1", "9999", "127.0.0.1:9999"],
  ["tcp://gitaly.example", "tcp", "gitaly.example", "443", "gitaly.example"],
  ["TCP://Gitaly.Example:1", "tcp", "Gitaly.Example", "1", "Gitaly.Example:1"],
  ["tls://host:9999", "tls", "host", "9999", "host:9999"],
  [
    "tcp://[2001:db8::1]:9999",
    "tcp",
    "2001:db8::1",
    "9999",
    "[2001:db8::1]:9999",
  ],
  ["tcp://[::1]", "tcp", "::1", "443", "[::1]"],
  ["tcp://user:pass@host:1?query#fragment", "tcp", "host", "1", "host:1"],
  ["dns:host:9999", "dns", "host", "9999", "host:9999"],
  ["dns:localhost:9999", "dns", "localhost", "9999", "localhost:9999"],
  ["dns:///host:9999", "dns", "host", "9999", "host:9999"],
  ["dns:host", "dns", "host", "443", "host"],
  ["dns::9999", "dns", "localhost", "9999", ":9999"],
  ["dns:10.0.0.1", "dns", "10.0.0.1", "443", "10.0.0.1"],
  ["dns:::1", "dns", "::1", "443", "::1"],
  ["dns:[::1]:5", "dns", "::1", "5", "[::1]:5"],
  ["dns+tls:///localhost:9999", "dns+tls", "localhost", "9999", "localhost"],
  ["dns+tls:host", "dns+tls", "host", "443", "host"],
] as const;
for (const [address, scheme, host, port, authority] of NETWORK) {
  Deno.test(`gitaly.md 2.1, 2.4: ${address} is ${host} port ${port}`, () => {
    assertEquals(parse(address), {
      scheme,
      isTls: scheme === "tls" || scheme === "dns+tls",
      target: { host, port },
      resolver: undefined,
      authority,
    });
  });
}

const RESOLVERS = [
  ["dns://127.0.0.1:5353/name:9999", "127.0.0.1", "5353", "name:9999"],
  ["dns://10.0.0.2/name", "10.0.0.2", "53", "name"],
  ["dns+tls://[::1]:54/name:1", "::1", "54", "name"],
] as const;
for (const [address, host, port, authority] of RESOLVERS) {
  Deno.test(`gitaly.md 2.1: ${address} asks the name server ${host}`, () => {
    const parsed = parse(address);
    assertEquals(parsed.scheme !== "unix" && parsed.resolver, { host, port });
    assertStrictEquals(parsed.authority, authority);
  });
}

const REFUSED = [
  ["", "no gitaly_address given"],
  ["localhost:9999", 'invalid connection string: "localhost:9999"'],
  [".", 'invalid connection string: "."'],
  ["http://x", 'invalid connection string: "http://x"'],
  ["tcp://x:port", 'invalid connection string: "tcp://x:port"'],
  ["127.0.0.1:9999", 'invalid connection string: "127.0.0.1:9999"'],
  ["unix", 'invalid connection string: "unix"'],
  ["unix:/%zz", 'invalid connection string: "unix:/%zz"'],
  ["tcp://[::1:9999", 'invalid connection string: "tcp://[::1:9999"'],
  ["tcp://a b:1", 'invalid connection string: "tcp://a b:1"'],
  ["tcp://a\x01b", 'invalid connection string: "tcp://a\\x01b"'],
  [
    "tcp://127.0.0.1:9999/",
    `failed to extract host for 'tcp' connection: remote addresses should not have a path: "/"`,
  ],
  [
    "tcp://h/x%20y",
    `failed to extract host for 'tcp' connection: remote addresses should not have a path: "/x y"`,
  ],
  [
    "tls:///x",
    `failed to extract host for 'tls' connection: remote addresses should not have a path: "/x"`,
  ],
  [
    "tcp:",
    "failed to extract host for 'tcp' connection: remote addresses should have a host",
  ],
  [
    "tls://",
    "failed to extract host for 'tls' connection: remote addresses should have a host",
  ],
  [
    "tcp:host:1",
    "failed to extract host for 'tcp' connection: remote addresses should have a host",
  ],
  [
    "tcp://host:",
    'failed to dial "tcp" connection: dns resolver: missing port after port-separator colon',
  ],
  [
    "dns:",
    "failed to parse target for 'dns' connection: dns resolver: missing address",
  ],
  [
    "dns:///",
    "failed to parse target for 'dns' connection: dns resolver: missing address",
  ],
  [
    "dns+tls://resolver",
    "failed to parse target for 'dns+tls' connection: dns resolver: missing address",
  ],
  [
    "dns:[fe80::1]:",
    "failed to parse target for 'dns' connection: dns resolver: missing port after port-separator colon",
  ],
  [
    "dns:a:b:c",
    "failed to parse target for 'dns' connection: dns resolver: address a:b:c:50051: too many colons in address",
  ],
] as const;
for (const [address, message] of REFUSED) {
  Deno.test(`gitaly.md case 2, 3, 4: ${JSON.stringify(address)} is refused`, () => {
    const error = assertThrows(() => parse(address), GitTransportError);
    assertStrictEquals(error.message, message);
  });
}

Deno.test("gitaly.md case 2: gitaly-ssh has its own text for an empty address", () => {
  assertThrows(
    () => parseGitalyAddress("", "gitaly-ssh"),
    GitTransportError,
    "gitaly address can not be empty",
  );
});

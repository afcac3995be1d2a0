import { assertEquals, assertThrows } from "@std/assert";
import {
  checkTopologyService,
  decodeGitlabUrl,
} from "../../../src/config/check_config.ts";
import type { TopologyServiceConfig } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/core/errors.ts";

const FILE = "/srv/config.yml";

const URLS = [
  ["http+unix://%2Fa%2Fb.sock", "http+unix:///a/b.sock"],
  ["http+unix:///a/b.sock", "http+unix:///a/b.sock"],
  ["http://h/a%20b", "http://h/a b"],
  ["http://h/a+b", "http://h/a+b"],
  ["http://h/%c3%A9", "http://h/\u00e9"],
  ["http://h/%2525", "http://h/%25"],
  ["", ""],
] as const;
for (const [url, decoded] of URLS) {
  Deno.test(`keys-and-config.md 6.5: decodeGitlabUrl() of ${url}`, () => {
    assertEquals(decodeGitlabUrl(url, FILE), decoded);
  });
}

const MALFORMED = [
  ["http://h/%zz", 'invalid URL escape "%zz"'],
  ["http://h/%2Fa%z", 'invalid URL escape "%z"'],
  ["http://h/%", 'invalid URL escape "%"'],
  ["http://h/%%41", 'invalid URL escape "%%4"'],
  ["http://h/%ff", "gitlab_url is not UTF-8 once it is unescaped"],
] as const;
for (const [url, message] of MALFORMED) {
  Deno.test(`decodeGitlabUrl() refuses ${url}`, () => {
    const error = assertThrows(() => decodeGitlabUrl(url, FILE), ConfigError);
    assertEquals(error.message, message);
    assertEquals([error.file, error.key], [FILE, "gitlab_url"]);
  });
}

const GOOD: TopologyServiceConfig = {
  enabled: true,
  address: "topology.example.com:443",
  timeoutMs: 5_000,
  tls: {
    enabled: true,
    caFile: "",
    certFile: "/c",
    keyFile: "/k",
    serverName: "",
    insecureSkipVerify: false,
  },
  cellEndpoint: { scheme: "https", port: 8181 },
};
const BARE_TLS = { ...GOOD.tls, certFile: "", keyFile: "" };

Deno.test("checkTopologyService() accepts what is complete or disabled", () => {
  checkTopologyService(GOOD, FILE);
  checkTopologyService({ ...GOOD, tls: BARE_TLS }, FILE);
  checkTopologyService({ ...GOOD, tls: { ...GOOD.tls, enabled: false } }, FILE);
  for (const port of [1, 65_535]) {
    const cellEndpoint = { scheme: "http", port };
    checkTopologyService({ ...GOOD, cellEndpoint }, FILE);
  }
  const nothing = { scheme: "", port: 0 };
  const disabled = { ...GOOD, enabled: false, address: "" };
  checkTopologyService({ ...disabled, cellEndpoint: nothing }, FILE);
});

const SCHEME_FAULT =
  'cell_endpoint: scheme is required and must be "http" or "https"';
const PORT_FAULT =
  "cell_endpoint: port is required and must be between 1 and 65535";
const MTLS_FAULT = "tls: both cert_file and key_file must be provided for mTLS";
const ALL_WRONG = {
  address: "",
  tls: { ...GOOD.tls, keyFile: "" },
  cellEndpoint: { scheme: "ftp", port: 0 },
};
// Each row mends what the row before complains about.
const FAULTS: readonly (readonly [Partial<TopologyServiceConfig>, string])[] = [
  [ALL_WRONG, "address is required when enabled"],
  [{ ...ALL_WRONG, address: "h" }, "address must be in host:port format"],
  [{ ...ALL_WRONG, address: "h:1" }, MTLS_FAULT],
  [{ tls: { ...GOOD.tls, certFile: "" } }, MTLS_FAULT],
  [{ cellEndpoint: ALL_WRONG.cellEndpoint }, SCHEME_FAULT],
  [{ cellEndpoint: { scheme: "", port: 1 } }, SCHEME_FAULT],
  [{ cellEndpoint: { scheme: "http", port: 0 } }, PORT_FAULT],
  [{ cellEndpoint: { scheme: "http", port: -1 } }, PORT_FAULT],
  [{ cellEndpoint: { scheme: "http", port: 65_536 } }, PORT_FAULT],
];
for (const [index, [over, text]] of FAULTS.entries()) {
  const name = `keys-and-config.md cases 126, 127: fault ${index}: ${text}`;
  Deno.test(name, () => {
    const error = assertThrows(
      () => checkTopologyService({ ...GOOD, ...over }, FILE),
      ConfigError,
    );
    const prefix = "invalid topology_service config: topology_service.";
    assertEquals(error.message, prefix + text);
    assertEquals(error.file, FILE);
  });
}

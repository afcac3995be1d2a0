import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Config } from "../../../src/config/config.ts";
import { buildConfig } from "../../../src/config/config_values.ts";
import { listUnknownKeys, parseConfig } from "../../../src/config/parse.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const FILE = "/srv/config.yml";

/** The configuration of `text`, with paths and URL as the file has them. */
async function configOf(text: string): Promise<Config> {
  const { values } = await parseConfig(text, FILE);
  return buildConfig(values, {
    rootDir: "/srv",
    gitlabUrl: values.text("gitlab_url"),
    secret: new Secret(values.text("secret")),
    logFile: values.text("log_file"),
  });
}

async function faultOf(text: string): Promise<ConfigError> {
  return await assertRejects(() => parseConfig(text, FILE), ConfigError);
}

/** A form that the simple reader declines, so that both readers are tested. */
const FOR_THE_PARSER = "x-other: {a: 1}\n";

/** Runs `check` on `text` as each of the two readers reads it. */
async function withBothReaders(
  text: string,
  check: (text: string) => Promise<void>,
): Promise<void> {
  await check(text);
  await check(text + FOR_THE_PARSER);
}

const EMPTY_FILES = ["", "# nothing\n", "---\n", "\ufeff", "~\n", "--- ~\n"];
for (const text of EMPTY_FILES) {
  const name = `keys-and-config.md case 111: defaults of ${
    JSON.stringify(text)
  }`;
  Deno.test(name, async () => {
    const config = await configOf(text);
    assertEquals(config.user, "git");
    assertEquals(config.gitlabUrl, "");
    assertEquals(config.logFile, "gitlab-shell.log");
    assertEquals([config.logLevel, config.logFormat], ["info", "json"]);
    assertEquals(config.pat, { enabled: true, allowedScopes: [] });
    assertEquals(config.lfs.pureSshProtocol, false);
    assertEquals(config.http.readTimeoutMs, 300_000);
    assertEquals(config.sshd.clientAliveIntervalMs, 15_000);
    assertEquals(config.sshd.gracePeriodMs, 10_000);
    assertEquals(config.sshd.proxyHeaderTimeoutMs, 500);
    assertEquals(config.sshd.loginGraceTimeMs, 60_000);
    assertEquals(config.sshd.concurrentSessionsLimit, 10);
    assertEquals(config.sshd.listen, "[::]:22");
    assertEquals(config.sshd.webListen, "localhost:9122");
    assertEquals(config.sshd.hostKeyFiles.length, 3);
    assertEquals(config.topologyService.enabled, false);
    assertEquals(config.topologyService.timeoutMs, 5_000);
  });
}

Deno.test("keys-and-config.md case 112: unknown keys are passed over", async () => {
  const text = "auth_file: /a\naudit_usernames: true\nredis:\n  host: h\n" +
    "redis2:\n  a: 1\n  b:\n    - c\n";
  await withBothReaders(text, async (text) => {
    assertEquals((await configOf(text)).authFile, "/a");
  });
});

Deno.test("keys-and-config.md case 113: a doubled key is refused", async () => {
  await withBothReaders("user: a\nuser: b\n", async (text) => {
    const error = await faultOf(text);
    assertEquals(
      error.message,
      "yaml: unmarshal errors:\n" +
        '  line 2: mapping key "user" already defined at line 1 (user)',
    );
    assertEquals([error.file, error.key], [FILE, "user"]);
  });
});

Deno.test("keys-and-config.md case 113: in a section, once for each pair", async () => {
  const text = "sshd:\n  listen: a\n  listen: b\n  listen: c\n" +
    "  grace_period: x\nuser: [a]\n";
  await withBothReaders(text, async (text) => {
    const { message } = await faultOf(text);
    assertEquals(message.split("\n").slice(1), [
      '  line 3: mapping key "listen" already defined at line 2 (sshd.listen)',
      '  line 4: mapping key "listen" already defined at line 2 (sshd.listen)',
      '  line 4: mapping key "listen" already defined at line 3 (sshd.listen)',
      "  line 6: cannot unmarshal !!seq into string (user)",
    ]);
  });
});

Deno.test("keys-and-config.md 6.2: a doubled key within an unknown section is not looked at", async () => {
  const text = "redis:\n  a: 1\n  a: 2\nuser: x\n";
  await withBothReaders(text, async (text) => {
    assertEquals((await configOf(text)).user, "x");
  });
});

const NO_MAPPINGS = [
  ["- a\n", "!!seq"],
  ["hunter2\n", "!!str"],
  ["5\n", "!!int"],
  ["[]\n", "!!seq"],
] as const;
for (const [text, tag] of NO_MAPPINGS) {
  const name = `keys-and-config.md case 114: ${
    JSON.stringify(text)
  } is refused`;
  Deno.test(name, async () => {
    const { message } = await faultOf(text);
    const fault = `cannot unmarshal ${tag} into a mapping of keys`;
    assertEquals(message, `yaml: unmarshal errors:\n  line 1: ${fault}`);
  });
}

Deno.test("keys-and-config.md case 115: null keeps the default", async () => {
  const text = "log_file:\nuser: ~\nsshd:\nlfs: null\nhttp_settings:\n" +
    "  read_timeout: Null\npat:\n  enabled: NULL\ntopology_service:\n  timeout:\n";
  await withBothReaders(text, async (text) => {
    assertEquals(await configOf(text), await configOf(""));
  });
});

Deno.test("keys-and-config.md 6.2: null empties a list, quotes empty a text", async () => {
  const text = 'log_file: ""\nuser: ""\nsshd:\n  host_key_files:\n';
  await withBothReaders(text, async (text) => {
    const { logFile, user, sshd } = await configOf(text);
    assertEquals([logFile, user, sshd.hostKeyFiles], ["", "", []]);
  });
});

const TEXTS = [
  ["123", "123"],
  ["0x10", "0x10"],
  ["007", "007"],
  ["1.50", "1.50"],
  ["yes", "yes"],
  ["true", "true"],
  ["2024-01-01", "2024-01-01"],
  ["'null'", "null"],
  ['"~"', "~"],
  ["a b  # c", "a b"],
  ["'it''s'", "it's"],
  ['"\\x41\\u00e9\\n"', "A\u00e9\n"],
  ["|\n  a\n  b", "a\nb\n"],
  [">-\n  a\n  b", "a b"],
  ["a\n  b", "a b"],
  ["\u00fc", "\u00fc"],
  ["\ud83d\ude00", "\ud83d\ude00"],
] as const;
for (const [source, text] of TEXTS) {
  const name = `keys-and-config.md 6.2: ${JSON.stringify(source)} as text`;
  Deno.test(name, async () => {
    await withBothReaders(`user: ${source}\n`, async (file) => {
      assertEquals((await configOf(file)).user, text);
    });
  });
}

Deno.test("keys-and-config.md 6.2: key names are case-sensitive", async () => {
  await withBothReaders("User: a\nSSHD:\n  listen: b\n", async (text) => {
    assertEquals(await configOf(text), await configOf(""));
  });
});

Deno.test("keys-and-config.md 6.2: a dot in a name makes no section", async () => {
  await withBothReaders("sshd.listen: a\n", async (text) => {
    assertEquals((await configOf(text)).sshd.listen, "[::]:22");
  });
});

Deno.test("keys-and-config.md 6.2: CRLF and byte order mark are accepted", async () => {
  const text = "\ufeffuser: a\r\nsshd:\r\n  listen: b\r\n";
  await withBothReaders(text, async (text) => {
    const { user, sshd } = await configOf(text);
    assertEquals([user, sshd.listen], ["a", "b"]);
  });
});

Deno.test("keys-and-config.md 6.2: the first document alone counts", async () => {
  for (const rest of ["user: b\n", "{\n", "user: b\nuser: c\n"]) {
    const config = await configOf(`user: a\n---\n${rest}`);
    assertEquals(config.user, "a");
  }
});

Deno.test("keys-and-config.md 6.2: anchors and merge keys work", async () => {
  const config = await configOf(
    "x: &x {listen: a, grace_period: 1s, macs: [m]}\n" +
      "sshd:\n  <<: *x\n  listen: b\nuser: &u u\ngitlab_tracing: *u\n",
  );
  assertEquals(config.sshd.listen, "b");
  assertEquals(config.sshd.gracePeriodMs, 1_000);
  assertEquals(config.sshd.macs, ["m"]);
  assertEquals(config.gitlabTracing, "u");
});

Deno.test("keys-and-config.md 6.2: merging what is no mapping is refused", async () => {
  const { message } = await faultOf("sshd:\n  <<: 5\n");
  const text = "map merge requires map or sequence of maps as the value";
  assertEquals(message, `yaml: ${text}`);
});

const DURATIONS = [
  ["5", 5_000],
  ["1m30s", 90_000],
  ["500ms", 500],
  ["2.7", 2_000],
  ["-1", -1_000],
  ["-2.7", -2_000],
  ["0", 0],
  ['"0"', 0],
  ["'1m'", 60_000],
  ["0x10", 16_000],
  ["1_0", 10_000],
  // No timer waits longer.
  ["100000h", 2 ** 31 - 1],
  ["9223372036854775807", 2 ** 31 - 1],
] as const;
for (const [source, sizeMs] of DURATIONS) {
  const name = `keys-and-config.md case 123: grace_period ${source}`;
  Deno.test(name, async () => {
    const text = `sshd:\n  grace_period: ${source}\n`;
    await withBothReaders(text, async (text) => {
      assertEquals((await configOf(text)).sshd.gracePeriodMs, sizeMs);
    });
  });
}

/** Key, value in the file, value in the message, type in the message. */
const REFUSED = [
  ["case 124", "sshd.grace_period", '"5"', "!!str `5`", "time.Duration"],
  ["6.2", "sshd.grace_period", "1d", "!!str `1d`", "time.Duration"],
  ["6.2", "sshd.grace_period", "true", "!!bool `true`", "time.Duration"],
  ["6.2", "sshd.grace_period", ".inf", "!!float `.inf`", "time.Duration"],
  [
    "6.2",
    "sshd.grace_period",
    "1 hour long",
    "!!str `1 hour ...`",
    "time.Duration",
  ],
  ["case 125", "topology_service.timeout", "10", "!!int `10`", "time.Duration"],
  ["6.2", "topology_service.timeout", "0", "!!int `0`", "time.Duration"],
  ["6.2", "topology_service.timeout", "1.5", "!!float `1.5`", "time.Duration"],
  ["case 129", "http_settings.read_timeout", "-1", "!!int `-1`", "uint64"],
  ["case 129", "http_settings.read_timeout", '"30"', "!!str `30`", "uint64"],
  ["6.2", "http_settings.read_timeout", ".nan", "!!float `.nan`", "uint64"],
  ["6.2", "http_settings.read_timeout", "1s", "!!str `1s`", "uint64"],
  ["6.2", "sshd.concurrent_sessions_limit", "'9'", "!!str `9`", "int64"],
  ["6.2", "pat.enabled", "1", "!!int `1`", "bool"],
  ["6.2", "pat.enabled", '"true"', "!!str `true`", "bool"],
  ["6.2", "pat.enabled", "tRUE", "!!str `tRUE`", "bool"],
  ["6.2", "pat.enabled", "[]", "!!seq", "bool"],
  ["6.2", "http_settings.password", "[hunter2]", "!!seq", "string"],
  ["6.2", "http_settings.user", "{}", "!!map", "string"],
  ["6.2", "pat.allowed_scopes", "hunter2", "!!str", "[]string"],
  ["6.2", "pat.allowed_scopes", "{}", "!!map", "[]string"],
] as const;
for (const [where, key, source, value, type] of REFUSED) {
  const name = `keys-and-config.md ${where}: ${key} ${source} is refused`;
  Deno.test(name, async () => {
    const [section, last] = key.split(".");
    const text = `user: git\n${section}:\n  # c\n  ${last}: ${source}\n`;
    await withBothReaders(text, async (text) => {
      const error = await faultOf(text);
      const fault = `line 4: cannot unmarshal ${value} into ${type} (${key})`;
      assertEquals(error.message, `yaml: unmarshal errors:\n  ${fault}`);
      assertEquals(error.key, key);
    });
  });
}

Deno.test("keys-and-config.md case 125: topology_service.timeout with a unit", async () => {
  for (const [source, sizeMs] of [["10s", 10_000], ['"0"', 5_000]] as const) {
    const text = `topology_service:\n  timeout: ${source}\n`;
    await withBothReaders(text, async (text) => {
      assertEquals((await configOf(text)).topologyService.timeoutMs, sizeMs);
    });
  }
});

Deno.test("keys-and-config.md case 128: pat {} keeps true, no is false", async () => {
  assertEquals((await configOf("pat: {}")).pat.enabled, true);
  assertEquals((await configOf("pat: {enabled: no}")).pat.enabled, false);
  await withBothReaders("pat:\n  enabled: 'off'\n", async (text) => {
    assertEquals((await configOf(text)).pat.enabled, false);
  });
});

const READ_TIMEOUTS = [
  ["30", 30_000],
  ["1.9", 1_000],
  ["0", 300_000],
  ["-1.9", 300_000],
  ["9223372036854775808", 300_000],
  ["18446744073709551615", 300_000],
  ["99999999", 2 ** 31 - 1],
] as const;
for (const [source, sizeMs] of READ_TIMEOUTS) {
  Deno.test(`keys-and-config.md 6.2, 6.3: read_timeout ${source}`, async () => {
    const text = `http_settings:\n  read_timeout: ${source}\n`;
    await withBothReaders(text, async (text) => {
      assertEquals((await configOf(text)).http.readTimeoutMs, sizeMs);
    });
  });
}

Deno.test("keys-and-config.md case 130: a partial section keeps the rest", async () => {
  const config = await configOf('sshd: {listen: ":2222"}');
  const defaults = await configOf("");
  assertEquals(config.sshd, { ...defaults.sshd, listen: ":2222" });
});

Deno.test("keys-and-config.md 6.2: lists take scalars as text and drop nulls", async () => {
  const config = await configOf(
    "sshd:\n  macs: [a, 0x10, ~, '~', yes, null]\n  ciphers:\n  - 1\n  -\n  - b\n",
  );
  assertEquals(config.sshd.macs, ["a", "0x10", "~", "yes"]);
  assertEquals(config.sshd.ciphers, ["1", "b"]);
});

Deno.test("internal-api.md case 129: a bare timeout is refused while disabled", async () => {
  const text = "topology_service:\n  enabled: false\n  timeout: 5\n";
  assertEquals((await faultOf(text)).key, "topology_service.timeout");
});

Deno.test("keys-and-config.md 6.2: all type errors are in one message", async () => {
  const text =
    'user: [a]\nsshd:\n  grace_period: "5"\n  macs: [a, [b], {c: d}]\n' +
    "pat: hunter2\nhttp_settings:\n  read_timeout: -1\n";
  assertEquals((await faultOf(text)).message.split("\n"), [
    "yaml: unmarshal errors:",
    "  line 1: cannot unmarshal !!seq into string (user)",
    "  line 3: cannot unmarshal !!str `5` into time.Duration (sshd.grace_period)",
    "  line 4: cannot unmarshal !!seq into string (sshd.macs)",
    "  line 4: cannot unmarshal !!map into string (sshd.macs)",
    "  line 5: cannot unmarshal !!str into a section (pat)",
    "  line 7: cannot unmarshal !!int `-1` into uint64 (http_settings.read_timeout)",
  ]);
});

Deno.test("keys-and-config.md 6.2: a syntax error names its line", async () => {
  const { message } = await faultOf("user: a\nsshd:\n\tlisten: b\n");
  assertEquals(message, "yaml: line 3: a tab cannot indent");
});

Deno.test("keys-and-config.md 6.6: rootdir is noticed, at the top alone", async () => {
  const has = async (text: string) =>
    (await parseConfig(text, FILE)).hasRootDirKey;
  assertEquals(await has("rootdir: /x\n"), true);
  assertEquals(await has("rootdir: {}\n"), true);
  assertEquals(await has("sshd:\n  rootdir: /x\n"), false);
  assertEquals(await has("RootDir: /x\n"), false);
});

Deno.test("keys-and-config.md 6.7: listUnknownKeys() names keys and lines", async () => {
  const text = "user: a\naudit_usernames: true\nsshd:\n  host_key_certs: []\n" +
    "  gssapi:\n    libpath: x\n    foo: y\nredis:\n  host: h\n";
  const known = [
    { path: "audit_usernames", line: 2 },
    { path: "sshd.host_key_certs", line: 4 },
    { path: "sshd.gssapi.foo", line: 7 },
    { path: "redis", line: 8 },
  ];
  assertEquals(await listUnknownKeys(text, FILE), known);
  const inFlow = { path: "x-other", line: 10 };
  const full = await listUnknownKeys(text + FOR_THE_PARSER, FILE);
  assertEquals(full, [...known, inFlow]);
});

Deno.test("parseConfig() takes names of object members for unknown keys", async () => {
  const text = "constructor: a\n__proto__: {user: x}\ntoString: b\n";
  assertEquals((await configOf(text)).user, "git");
  assertEquals((await listUnknownKeys(text, FILE)).length, 3);
});

const PIECES = [
  ..."ab:-#'\"[]{},&*!|>%@?~\n\n\n  \t",
  "user: ",
  "sshd:\n",
  "  listen: ",
  "grace_period",
  "<<: ",
  "---",
  "...",
  "&x ",
  "*x",
  "\ufeff",
  "\u0000",
  "\ud800",
  "\r\n",
];

Deno.test("parseConfig() throws ConfigError alone, whatever the text", async () => {
  const random = new SeededRandom(7);
  let refused = 0;
  for (let round = 0; round < 4_000; round++) {
    const length = 1 + random.below(30);
    const text = Array.from({ length }, () => random.pick(PIECES)).join("");
    await parseConfig(text, FILE).catch((error) => {
      assert(error instanceof ConfigError, JSON.stringify(text));
      assert(error.message.startsWith("yaml: "), error.message);
      refused++;
    });
  }
  assert(refused > 1_000, `only ${refused} refused`);
});

Deno.test("parseConfig() throws ConfigError alone, whatever the bytes", async () => {
  const random = new SeededRandom(8);
  for (let round = 0; round < 2_000; round++) {
    const bytes = random.bytes(random.below(60));
    const text = new TextDecoder("latin1").decode(bytes);
    await parseConfig(text, FILE).catch((error) => {
      assert(error instanceof ConfigError, JSON.stringify(text));
    });
  }
});

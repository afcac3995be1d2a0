import { assert, assertEquals } from "@std/assert";
import { CONFIG_KEYS } from "../../../src/config/config_keys.ts";
import {
  countSlips,
  judgeKey,
  lintKeys,
  OBSOLETE_KEYS,
} from "../../../src/config/lint.ts";

Deno.test("lintKeys() names unknown and misplaced keys with line and suggestion, keys-and-config.md 6.7", async () => {
  const text = [
    "gitlab_url: http://localhost",
    "listen: '[::]:22'",
    "http_settings:",
    "  red_timeout: 5",
    "  self_signed_cert: false",
    "sshd:",
    "  gitlab_url: http://x",
    "  host_key_certs: []",
    "audit_usernames: false",
    "colour: blue",
  ].join("\n");
  const found = await lintKeys(text, "/srv/config.yml");
  assertEquals(found.map(({ path, line, kind }) => [line, path, kind]), [
    [2, "listen", "misplaced"],
    [4, "http_settings.red_timeout", "unknown"],
    [5, "http_settings.self_signed_cert", "obsolete"],
    [7, "sshd.gitlab_url", "misplaced"],
    [8, "sshd.host_key_certs", "obsolete"],
    [9, "audit_usernames", "obsolete"],
    [10, "colour", "unknown"],
  ]);
  assertEquals(found.map(({ advice }) => advice).slice(0, 2), [
    "belongs below sshd, as sshd.listen",
    "did you mean http_settings.read_timeout?",
  ]);
  assertEquals(found.at(-1)?.advice, "is not a key of any program");
});

Deno.test("lintKeys() finds lines behind anchors and flow mappings too", async () => {
  const text = "a: &x {b: 1}\nhttp_settings: {read_timout: 5}\n";
  const found = await lintKeys(text, "/srv/config.yml");
  assertEquals(found.map(({ path, line }) => [line, path]), [
    [1, "a"],
    [2, "http_settings.read_timout"],
  ]);
});

const SLIPS = [
  ["gitlab-url", "did you mean gitlab_url?"],
  ["Secret_File", "did you mean secret_file?"],
  ["lfs.pure_ssh_protocoll", "did you mean lfs.pure_ssh_protocol?"],
  ["ssdh", "did you mean sshd?"],
  ["log_leve", "did you mean log_level?"],
  [
    "ca_file",
    "belongs below http_settings, as http_settings.ca_file or " +
    "below topology_service.tls, as topology_service.tls.ca_file",
  ],
  ["constructor", "is not a key of any program"],
] as const;
for (const [path, advice] of SLIPS) {
  Deno.test(`judgeKey() judges ${path}`, () => {
    assertEquals(judgeKey(path).advice, advice);
  });
}

Deno.test("countSlips() counts the four slips of a writer", () => {
  assertEquals(
    ["abc", "abx", "ab", "abcd", "acb", ""].map((word) =>
      countSlips(word, "abc")
    ),
    [0, 1, 1, 1, 1, 3],
  );
});

Deno.test("no obsolete key is in the table", () => {
  const paths = new Set<string>(CONFIG_KEYS.map(({ path }) => path));
  for (const path of OBSOLETE_KEYS.keys()) assert(!paths.has(path), path);
});

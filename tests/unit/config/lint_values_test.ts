import { assertEquals } from "@std/assert";
import { lintValues } from "../../../src/config/lint_values.ts";
import { loadConfigFrom } from "../../../src/config/load.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

async function lint(text: string): Promise<[string, boolean][]> {
  using folder = makeTempDir({ "config.yml": text });
  const { config } = await loadConfigFrom(folder.path);
  return lintValues(config).map(({ path, isFatal }) => [path, isFatal]);
}

const ROWS = [
  ["gitlab_url: http://localhost\nsecret: x", []],
  ["secret: x", [["gitlab_url", true]]],
  ["gitlab_url: HTTP://localhost\nsecret: x", [["gitlab_url", true]]],
  ['gitlab_url: http://localhost\nsecret: " "', [["secret", true]]],
  [
    "gitlab_url: http://h\nsecret: x\ngitlab_relative_url_root: /gitlab",
    [["gitlab_relative_url_root", false]],
  ],
  [
    "gitlab_url: http+unix:///s\nsecret: x\ngitlab_relative_url_root: /gitlab",
    [],
  ],
  [
    "gitlab_url: http://h\nsecret: x\nhttp_settings:\n  user: u",
    [["http_settings.user", false]],
  ],
  [
    "gitlab_url: https://h\nsecret: x\nhttp_settings:\n  ca_file: /no/such",
    [["http_settings.ca_file", true]],
  ],
  [
    "gitlab_url: http://h\nsecret: x\nlog_level: loud\nlog_file: /no/such/x",
    [["log_level", false], ["log_file", false]],
  ],
  [
    "gitlab_url: http://h\nsecret: x\nsshd:\n  proxy_policy: maybe",
    [["sshd.proxy_policy", false]],
  ],
] as const;
for (const [text, found] of ROWS) {
  Deno.test(`lintValues() judges ${JSON.stringify(text)}`, async () => {
    assertEquals(await lint(text), found.map(([path, fatal]) => [path, fatal]));
  });
}

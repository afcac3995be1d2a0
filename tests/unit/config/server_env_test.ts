import { assertEquals } from "@std/assert";
import {
  applyServerEnv,
  makeEmptyConfig,
} from "../../../src/config/server_env.ts";

const envOf = (values: Readonly<Record<string, string>>) => ({
  env: (name: string) => new Map(Object.entries(values)).get(name),
});

Deno.test("keys-and-config.md 7: without a directory there are no defaults", () => {
  const config = makeEmptyConfig();
  assertEquals([config.user, config.logFile, config.logLevel], ["", "", ""]);
  assertEquals(config.pat.enabled, false);
  assertEquals(config.sshd.concurrentSessionsLimit, 0);
  assertEquals(config.sshd.hostKeyFiles, []);
  assertEquals(config.secret.isEmpty, true);
});

Deno.test("keys-and-config.md 6.8: the server's environment wins over the file", () => {
  const config = applyServerEnv(
    makeEmptyConfig(),
    envOf({
      GITLAB_URL: "http+unix://%2Fa",
      GITLAB_TRACING: "opentracing://x",
      GITLAB_SHELL_SECRET: "s",
    }),
  );
  assertEquals(config.gitlabUrl, "http+unix://%2Fa");
  assertEquals(config.gitlabTracing, "opentracing://x");
  assertEquals(config.secret.reveal(), "s");
});

Deno.test("keys-and-config.md 6.8: empty variables leave the file's values", () => {
  const given = applyServerEnv(
    makeEmptyConfig(),
    envOf({ GITLAB_URL: "http://h", GITLAB_SHELL_SECRET: "s" }),
  );
  const variables = { GITLAB_URL: "", GITLAB_SHELL_SECRET: "" };
  const config = applyServerEnv(given, envOf(variables));
  assertEquals(config.gitlabUrl, "http://h");
  assertEquals(config.secret.reveal(), "s");
});

import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../src/core/errors.ts";
import { parseDevRequest } from "../../../src/cli/dev_main.ts";

const DEFAULTS = {
  apiPort: 0,
  gitalyPort: 0,
  sshPort: 0,
  folder: undefined,
  keyFile: undefined,
  rateLimit: 600,
  geo: undefined,
  hasCells: false,
  isHelp: false,
};

Deno.test("parseDevRequest() asks for free ports and GitLab's rate limit", () => {
  assertEquals(parseDevRequest([]), DEFAULTS);
});

Deno.test("parseDevRequest() takes every option", () => {
  const words = "--api-port 1 --gitaly-port=2 --ssh-port 65535 --data d " +
    "--key k.pub --rate-limit 0 --geo direct --cells";
  assertEquals(parseDevRequest(words.split(" ")), {
    apiPort: 1,
    gitalyPort: 2,
    sshPort: 65_535,
    folder: "d",
    keyFile: "k.pub",
    rateLimit: 0,
    geo: "direct",
    hasCells: true,
    isHelp: false,
  });
  assertEquals(parseDevRequest(["--help"]).isHelp, true);
  // As users of npm write it.
  assertEquals(parseDevRequest(["--", "--help"]).isHelp, true);
});

Deno.test("parseDevRequest() takes options behind -- as well", () => {
  const request = parseDevRequest(["--", "--cells"]);
  assertEquals(request, { ...DEFAULTS, hasCells: true });
});

const REFUSED = [
  ["--geo both", 'Cannot use "both" for --geo'],
  ["word", 'Cannot use "word"'],
  ["--port 1", 'Cannot use "--port"'],
  ["-x", 'Cannot use "-x"'],
  ["--api-port x", 'Cannot use "x" for --api-port'],
  ["--api-port -1", 'Cannot use "-1"'],
  ["--ssh-port 65536", 'Cannot use "65536" for --ssh-port'],
  ["--gitaly-port 1.5", 'Cannot use "1.5" for --gitaly-port'],
  ["--rate-limit=", 'Cannot use "" for --rate-limit'],
] as const;
for (const [words, message] of REFUSED) {
  Deno.test(`parseDevRequest() refuses ${words}`, () => {
    assertThrows(() => parseDevRequest(words.split(" ")), UsageError, message);
  });
}

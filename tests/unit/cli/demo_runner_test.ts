import { assertEquals, assertMatch } from "@std/assert";
import { DemoRunner, formatCommand } from "../../../src/cli/demo_runner.ts";

function makeRunner() {
  const printed: string[] = [];
  const runner = new DemoRunner({
    folder: "/",
    env: { PATH: Deno.env.get("PATH") ?? "" },
    print: (text) => printed.push(text),
    signal: new AbortController().signal,
  });
  return { runner, printed };
}

Deno.test("formatCommand() quotes what a shell would change", () => {
  assertEquals(
    formatCommand({ words: ["git", "it's", "a b"], env: { X: "1 2" } }),
    `X='1 2' git 'it'\\''s' 'a b'`,
  );
});

Deno.test("DemoRunner.run() prints the command, its output and a failure", async () => {
  const { runner, printed } = makeRunner();
  const outcome = await runner.run({
    words: ["sh", "-c", "cat; exit 3"],
    stdin: "hi\n",
  });
  assertEquals(outcome, { exitStatus: 3, stdout: "hi\n", stderr: "" });
  assertEquals(
    printed.join(""),
    "   $ sh -c 'cat; exit 3'\n     hi\n     (exit status 3)\n",
  );
});

Deno.test("DemoRunner.run() gives nothing of our environment to the command", async () => {
  const { runner } = makeRunner();
  const { stdout } = await runner.run({ words: ["env"], isQuiet: true });
  assertMatch(stdout, /^PATH=[^\n]*\n(PWD=[^\n]*\n)?$/);
});

Deno.test("DemoRunner.step() remembers what was not as it should be", async () => {
  const { runner } = makeRunner();
  await runner.step("good", () => Promise.resolve(undefined));
  await runner.step("bad", () => Promise.resolve("wrong colour"));
  assertEquals(runner.stepCount, 2);
  assertEquals(runner.failures, ["2. bad: wrong colour"]);
});

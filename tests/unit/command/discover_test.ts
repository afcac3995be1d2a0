import { assertEquals, assertRejects } from "@std/assert";
import { run } from "../../../src/command/discover.ts";
import { ApiError } from "../../../src/core/errors.ts";
import { makeFakeSession, makeRequest } from "../../support/fake_session.ts";

const GREETINGS = [
  ["shell.md case 29: a user", { id: 2, username: "alex-doe" }, "@alex-doe"],
  ["shell.md case 83: nobody", { id: 0, username: "" }, "Anonymous"],
  ["shell.md case 84: a name with id 0", { id: 0, username: "x" }, "Anonymous"],
] as const;
for (const [name, user, greeting] of GREETINGS) {
  Deno.test(`${name} is greeted as ${greeting}`, async () => {
    const session = makeFakeSession({ discover: () => Promise.resolve(user) });
    await run(makeRequest([]), session.context);
    assertEquals(session.stdout.text, `Welcome to GitLab, ${greeting}!\n`);
    assertEquals(session.stderr.text, "");
  });
}

Deno.test("shell.md case 86: a refusal is shown with its prefix and stays a policy", async () => {
  const refusal = new ApiError("Forbidden!", { status: 403, kind: "policy" });
  const session = makeFakeSession({ discover: () => Promise.reject(refusal) });
  const error = await assertRejects(
    () => run(makeRequest([]), session.context),
    ApiError,
    "Failed to get username: Forbidden!",
  );
  assertEquals([error.status, error.kind], [403, "policy"]);
  assertEquals(session.stdout.text, "");
});

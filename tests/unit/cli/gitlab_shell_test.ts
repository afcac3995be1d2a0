import { assertEquals } from "@std/assert";
import { parseIdentity } from "../../../src/cli/gitlab_shell.ts";

const NONE = { kind: "none" } as const;
const key = (keyId: string) => ({ kind: "key", keyId } as const);
const user = (username: string) => ({ kind: "username", username } as const);

const EXAMPLES = [
  [["hello", "key-123"], key("123")],
  [["hello", "username-key-123"], user("key-123")],
  [["hello", "gitlab-shell -c key-123"], key("123")],
  [["hello", "gitlab-shell -c username-jane-doe"], user("jane-doe")],
  [["hello", "gitlab-shell -c username-key-123"], user("key-123")],
  [["-c", "/opt/gitlab-shell/bin/gitlab-shell key-123"], key("123")],
  [["username-a", "key-1"], user("a")],
  [["key-100", "2foo"], key("100")],
  [["key-01"], key("01")],
  [["key-1 "], NONE],
  [["key-1a"], NONE],
  [["KEY-1"], NONE],
  [["key--1"], NONE],
  [["key-"], NONE],
  [["key-1\n"], NONE],
  [["key-\u0661"], NONE],
  [["username-"], NONE],
  [["username-a\tb"], NONE],
  [["username-a\n"], NONE],
  [["username-a\u00a0b"], user("a\u00a0b")],
  [["username-a\vb"], user("a\vb")],
  [[], NONE],
  [["this", "is", "all", "invalid"], NONE],
] as const;
for (const [args, identity] of EXAMPLES) {
  const name = `shell.md 1.2: parseIdentity() of ${JSON.stringify(args)}`;
  Deno.test(name, () => assertEquals(parseIdentity(args), identity));
}

import { assert, assertEquals } from "@std/assert";
import { parseShellPath } from "../../../src/keys/line.ts";
import {
  classifyLine,
  encodeManagedLine,
  type LineClass,
  makeLineShape,
  parseManagedLine,
} from "../../../src/keys/line_class.ts";
import { makeSpan } from "../../../src/keys/line_scan.ts";

const SHAPE = makeLineShape(parseShellPath("/opt/gitlab-shell"));
const OPTS = "no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty";
const encoder = new TextEncoder();
const span = (text: string) => makeSpan(encoder.encode(text));
const OURS = 'command="/opt/gitlab-shell/bin/gitlab-shell ';

const LINES: readonly (readonly [LineClass, string])[] = [
  ["managed", `${OURS}key-1",${OPTS} ssh-rsa AAAA`],
  ["managed", `${OURS}username-bob",${OPTS} x`],
  ["managed", `${OURS}key-1"`],
  ["managed", `${OURS}key-1",${OPTS} ssh-rsa AAAA\r`],
  ["managed", `${OURS}A.b_c-9",no-pty ssh-rsa AAAA`],
  ["foreign", `${OURS}key-1`],
  ["foreign", `${OURS}",${OPTS} ssh-rsa AAAA`],
  ["foreign", `${OURS}key 1",${OPTS} ssh-rsa AAAA`],
  ["foreign", ` ${OURS}key-1",${OPTS} ssh-rsa AAAA`],
  ["other_root", `command="/x/bin/gitlab-shell key-1",${OPTS} ssh-rsa AAAA`],
  ["other_root", 'command="bin/gitlab-shell key-1",no-pty ssh-rsa AAAA'],
  ["other_root", 'command="/bin/gitlab-shell key-1",no-pty ssh-rsa AAAA'],
  ["foreign", 'command="/xbin/gitlab-shell key-1",no-pty ssh-rsa AAAA'],
  ["foreign", 'command="/x/bin/gitlab-shellx key-1",no-pty ssh-rsa AAAA'],
  ["foreign", 'command="/x y/bin/gitlab-shell key-1",no-pty ssh-rsa AAAA'],
  ["foreign", 'command="/x\\"y/bin/gitlab-shell key-1" ssh-rsa AAAA'],
  ["foreign", 'command="/x/bin/gitlab-shell key-1 --debug" ssh-rsa AAAA'],
  ["foreign", 'command="'],
  ["tombstone", "#".repeat(SHAPE.bytesMin)],
  ["tombstone", "#".repeat(5_000)],
  ["foreign", "#".repeat(SHAPE.bytesMin - 1)],
  ["foreign", `${"#".repeat(200)} `],
  ["foreign", `${"#".repeat(200)}\r`],
  ["marker", "# Managed by gitlab-shell"],
  ["marker", "# Managed by gitlab-rails"],
  ["marker", "# Managed by gitlab-rails\r"],
  ["foreign", "# Managed by gitlab-shell "],
  ["foreign", "# Managed by gitlab"],
  ["foreign", ""],
  ["foreign", "#"],
  ["foreign", "ssh-ed25519 AAAA somebody"],
  ["foreign", "\u00ff\u0000"],
];

for (const [wanted, line] of LINES) {
  Deno.test(`classifyLine() says ${wanted} of ${JSON.stringify(line.slice(0, 80))}`, () => {
    assertEquals(classifyLine(span(line), SHAPE), wanted);
  });
}

Deno.test("classifyLine() looks at the line alone, not at what follows it", () => {
  const line = `${OURS}key-1",${OPTS} ssh-rsa AAAA`;
  const buffer = encoder.encode(line);
  for (let end = 0; end <= buffer.length; end++) {
    const cut = { ...makeSpan(buffer), end, lengthBytes: end };
    const isManaged = end >= `${OURS}key-1"`.length;
    assertEquals(
      classifyLine(cut, SHAPE),
      isManaged ? "managed" : "foreign",
      `cut at ${end}`,
    );
  }
});

Deno.test("parseManagedLine() finds id and key, and options that are not ours", () => {
  const parse = (text: string) => {
    const line = span(text);
    const parts = parseManagedLine(line, SHAPE);
    const part = (start: number, end: number) =>
      new TextDecoder().decode(line.buffer.subarray(start, end));
    return {
      id: part(parts.idStart, parts.idEnd),
      key: part(parts.keyStart, parts.keyEnd),
      ours: parts.hasOurOptions,
    };
  };
  assertEquals(parse(`${OURS}key-1",${OPTS} ssh-rsa AAAA b c`), {
    id: "key-1",
    key: "ssh-rsa AAAA b c",
    ours: true,
  });
  assertEquals(
    parse(`${OURS}key-1",${OPTS} ssh-rsa AAAA\r`).key,
    "ssh-rsa AAAA",
  );
  assertEquals(parse(`${OURS}key-1",no-pty ssh-rsa AAAA`), {
    id: "key-1",
    key: "",
    ours: false,
  });
  assert(!parse(`${OURS}key-1",${OPTS}`).ours);
});

Deno.test("encodeManagedLine() writes what classifyLine() knows as ours", () => {
  const record = {
    id: encoder.encode("key-9"),
    key: encoder.encode("ssh-rsa AAAA"),
  };
  const text = `${OURS}key-9",${OPTS} ssh-rsa AAAA`;
  assertEquals(encodeManagedLine(SHAPE, record), encoder.encode(text));
  const into = new Uint8Array(500).fill(7);
  assertEquals(encodeManagedLine(SHAPE, record, into), encoder.encode(text));
});

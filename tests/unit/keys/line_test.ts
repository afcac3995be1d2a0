import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  formatApiKeyId,
  formatKeyLine,
  formatPrincipalLine,
  LINE_BYTES_MAX,
  maskControls,
  parseShellPath,
  RefusedLineError,
} from "../../../src/keys/line.ts";

const SHELL = parseShellPath("/opt/gitlab-shell");
const OPTS = "no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty";
const START = 'command="/opt/gitlab-shell/bin/gitlab-shell ';

function refusal(run: () => unknown): string {
  return assertThrows(run, RefusedLineError).message;
}

Deno.test("keys-and-config.md case 1: the line of a key, byte for byte", () => {
  assertEquals(
    formatKeyLine(SHELL, "1", "public-key"),
    'command="/opt/gitlab-shell/bin/gitlab-shell key-1",no-port-forwarding,' +
      "no-X11-forwarding,no-agent-forwarding,no-pty public-key",
  );
});

Deno.test("keys-and-config.md case 2: the line of a principal", () => {
  assertEquals(
    formatPrincipalLine(SHELL, "key", "principal"),
    `${START}username-key",${OPTS} principal`,
  );
});

for (
  const id of [
    "user.name",
    "UserName",
    "User.Name.DEPARTMENT",
    "User-name.Department_9",
  ]
) {
  Deno.test(`keys-and-config.md case 3: the id ${id} is accepted`, () => {
    assertStringIncludes(
      formatPrincipalLine(SHELL, id, "p"),
      `username-${id}"`,
    );
    assertStringIncludes(formatKeyLine(SHELL, id, "k"), `key-${id}"`);
  });
}

Deno.test("keys-and-config.md case 4: an id with @ is refused", () => {
  assertEquals(
    refusal(() => formatPrincipalLine(SHELL, "user.name@domain", "p")),
    "invalid key_id: user.name@domain",
  );
});

Deno.test("keys-and-config.md case 5: an id with a line end is refused in one line", () => {
  for (const id of ["key\n1", "username\n1", "x\n"]) {
    const text = refusal(() => formatPrincipalLine(SHELL, id, "p"));
    assert(text.startsWith("invalid key_id: "));
    assert(!text.includes("\n"));
  }
});

Deno.test("keys-and-config.md case 6: an empty id is refused", () => {
  assertEquals(
    refusal(() => formatKeyLine(SHELL, "", "k")),
    "invalid key_id: ",
  );
});

Deno.test("keys-and-config.md case 7: a value with a line end is refused", () => {
  assertEquals(
    refusal(() => formatKeyLine(SHELL, "1", "public\nkey")),
    "invalid value: public?key",
  );
  assertEquals(
    refusal(() => formatPrincipalLine(SHELL, "key", "principal\n1")),
    "invalid value: principal?1",
  );
});

Deno.test("keys-and-config.md case 8: of two faults the id's is told", () => {
  assertEquals(
    refusal(() => formatKeyLine(SHELL, "a b", "c\nd")),
    "invalid key_id: a b",
  );
});

Deno.test("keys-and-config.md case 9: no control byte gets into a line", () => {
  const controls = [...Array(0x20).keys(), 0x7f];
  for (const code of controls) {
    const bad = `a${String.fromCharCode(code)}b`;
    for (const format of [formatKeyLine, formatPrincipalLine]) {
      assertEquals(
        refusal(() => format(SHELL, "1", bad)),
        "invalid value: a?b",
      );
    }
  }
});

Deno.test("keys-and-config.md case 10: an empty value is refused", () => {
  assertEquals(refusal(() => formatKeyLine(SHELL, "1", "")), "invalid value: ");
  assertEquals(
    refusal(() => formatPrincipalLine(SHELL, "k", "")),
    "invalid value: ",
  );
});

Deno.test("keys-and-config.md case 11: a root with a quote is refused", () => {
  assertStringIncludes(refusal(() => parseShellPath('/opt/"x')), '/opt/"x');
});

Deno.test("keys-and-config.md case 12: a root that a shell could misread is refused", () => {
  for (const char of " #\\$`;&|<>()'*?~\t\n\x00\x7f") {
    refusal(() => parseShellPath(`/opt${char}x`));
  }
  for (const relative of ["", ".", "opt", "./opt"]) {
    refusal(() => parseShellPath(relative));
  }
});

Deno.test("keys-and-config.md case 13: the path in a line is cleaned", () => {
  for (
    const root of [
      "/opt/gitlab-shell/",
      "//opt//gitlab-shell",
      "/opt/./x/../gitlab-shell",
      "/../opt/gitlab-shell",
    ]
  ) {
    assertEquals(parseShellPath(root), SHELL);
  }
});

Deno.test("keys-and-config.md case 14: a line of 8,192 bytes is the longest", () => {
  const room = LINE_BYTES_MAX - formatKeyLine(SHELL, "1", "k").length + 1;
  assertEquals(
    formatKeyLine(SHELL, "1", "k".repeat(room)).length,
    LINE_BYTES_MAX,
  );
  refusal(() => formatKeyLine(SHELL, "1", "k".repeat(room + 1)));
  // Bytes count, not characters.
  refusal(() => formatKeyLine(SHELL, "1", "\u00e9".repeat(room)));
});

Deno.test("formatPrincipalLine() refuses what sshd would misread", () => {
  for (const principal of ["my users", "a#b", "#", " x", "x "]) {
    refusal(() => formatPrincipalLine(SHELL, "bob", principal));
  }
  formatPrincipalLine(SHELL, "b".repeat(255), "p");
  refusal(() => formatPrincipalLine(SHELL, "b".repeat(256), "p"));
});

Deno.test("formatPrincipalLine() lets no character but [a-zA-Z0-9._-] into the command", () => {
  for (let code = 0; code < 0x180; code++) {
    const char = String.fromCharCode(code);
    if (/[a-zA-Z0-9._-]/.test(char)) {
      formatPrincipalLine(SHELL, `a${char}b`, "p");
    } else {
      refusal(() => formatPrincipalLine(SHELL, `a${char}b`, "p"));
    }
  }
});

Deno.test("formatKeyLine() keeps a comment as it is", () => {
  const key = 'ssh-ed25519 AAAA mira@reef (laptop) "quoted" # \u{1f511}';
  assert(formatKeyLine(SHELL, "7", key).endsWith(`${OPTS} ${key}`));
});

Deno.test("formatApiKeyId() knows keys from numbers that name none", () => {
  assertEquals(formatApiKeyId(1), "1");
  assertEquals(formatApiKeyId(2 ** 53 - 1), "9007199254740991");
  for (const id of [0, -1, -0, 1.5, NaN, Infinity, 2 ** 53, 2 ** 63]) {
    assertEquals(formatApiKeyId(id), undefined);
  }
});

Deno.test("maskControls() leaves one line that a terminal does not obey", () => {
  assertEquals(maskControls("a\n\x1b[31mb\x9b\u2028\ud800c"), "a??[31mb???c");
  assertEquals(maskControls("x".repeat(9_000)).length, 8_192 + 3);
});

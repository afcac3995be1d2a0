import { assertEquals } from "@std/assert";
import { parseShellPath } from "../../../src/keys/line.ts";
import {
  makeLineShape,
  parseManagedLine,
} from "../../../src/keys/line_class.ts";
import type { LineSpan } from "../../../src/keys/line_scan.ts";
import { LineSpool } from "../../../src/keys/line_spool.ts";
import { type MatchBy, matchLines } from "../../../src/keys/match_lines.ts";
import { OPTS } from "../../support/keys_stand.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const SHAPE = makeLineShape(parseShellPath("/r"));
const line = (id: string, key: string) =>
  `command="/r/bin/gitlab-shell ${id}",${OPTS} ${key}`;

function spool(lines: readonly string[]): LineSpool {
  const made = new LineSpool();
  for (const text of lines) made.add(new TextEncoder().encode(text));
  return made;
}

function match(
  { wanted, file, matchBy = "line", roundEntriesMax }: {
    wanted: readonly string[];
    file: readonly string[];
    matchBy?: MatchBy;
    roundEntriesMax?: number;
  },
): string[] {
  using wantedSpool = spool(wanted);
  using fileSpool = spool(file);
  const told: string[] = [];
  const tell = (what: string) => (span: LineSpan) => {
    const { idStart, idEnd } = parseManagedLine(span, SHAPE);
    const id = new TextDecoder().decode(span.buffer.subarray(idStart, idEnd));
    told.push(`${what} ${id} ${span.number}`);
  };
  matchLines({
    shape: SHAPE,
    matchBy,
    wantedCount: wanted.length,
    openWanted: () => wantedSpool.open(),
    openFile: () => fileSpool.open(),
    ...(roundEntriesMax === undefined ? {} : { roundEntriesMax }),
  }, {
    onExtra: tell("extra"),
    onEqual: (span, isFirst) => tell(isFirst ? "equal" : "again")(span),
    onDifferent: tell("different"),
    onMissing: (number, isAltered) =>
      void told.push(`missing ${number} ${isAltered}`),
    onRepeated: (number) => void told.push(`repeated ${number}`),
  });
  return told;
}

Deno.test("matchLines() tells each line and each wanted one", () => {
  assertEquals(
    match({
      wanted: [
        line("key-1", "ssh-rsa AAAA"),
        line("key-2", "ssh-rsa BBBB"),
        line("key-3", "ssh-rsa CCCC"),
        line("bob", "ssh-rsa DDDD"),
      ],
      file: [
        "# comment",
        line("key-2", "ssh-rsa XXXX"),
        line("bob", "ssh-rsa DDDD"),
        line("key-9", "ssh-rsa EEEE"),
        line("key-1", "ssh-rsa AAAA"),
        line("key-1", "ssh-rsa AAAA"),
      ],
    }),
    [
      "different key-2 1",
      "equal bob 2",
      "extra key-9 3",
      "equal key-1 4",
      "again key-1 5",
      "missing 1 true",
      "missing 2 false",
    ],
  );
});

Deno.test("matchLines() looks at comments or past them, as it is told", () => {
  const wanted = [line("key-1", "ssh-rsa AAAA mine")];
  const file = [line("key-1", "ssh-rsa AAAA")];
  assertEquals(match({ wanted, file })[0], "different key-1 0");
  assertEquals(match({ wanted, file, matchBy: "key" }), ["equal key-1 0"]);
  const altered = [line("key-1", "ssh-rsa AAAA").replace(OPTS, "no-pty")];
  assertEquals(
    match({ wanted, file: altered, matchBy: "key" })[0],
    "different key-1 0",
  );
});

Deno.test("matchLines() lets the last wanted line of an id count", () => {
  assertEquals(
    match({
      wanted: [line("key-1", "ssh-rsa AAAA"), line("key-1", "ssh-rsa BBBB")],
      file: [line("key-1", "ssh-rsa BBBB")],
    }),
    ["repeated 0", "equal key-1 0"],
  );
});

Deno.test("matchLines() finds the same in many rounds as in one", () => {
  const random = new SeededRandom(23);
  const some = (count: number) =>
    [...Array(count)].map(() => {
      const id = random.below(4) === 0
        ? `u${random.below(90)}`
        : `key-${1 + random.below(90)}`;
      return line(id, `ssh-rsa ${"AB"[random.below(2)]}AAA`);
    });
  const [wanted, file] = [some(150), some(150)];
  const once = match({ wanted, file });
  for (const roundEntriesMax of [149, 70, 40, 7]) {
    const many = match({ wanted, file, roundEntriesMax });
    assertEquals(many.toSorted(), once.toSorted());
  }
});

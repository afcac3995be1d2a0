/**
 * Fuzz target: lines of an authorized_keys file, and the records that become
 * such lines. Whatever id and key are accepted make one line, which is read
 * again as that id and that key, and begins with our forced command and
 * nothing else.
 */
import { assert, assertEquals } from "@std/assert";
import {
  formatKeyLine,
  formatPrincipalLine,
  LINE_OPTIONS,
  parseShellPath,
  RefusedLineError,
} from "../../src/keys/line.ts";
import {
  classifyLine,
  encodeManagedLine,
  makeLineShape,
  parseManagedLine,
} from "../../src/keys/line_class.ts";
import { makeSpan, scanLines } from "../../src/keys/line_scan.ts";
import { inspectKey } from "../../src/keys/public_key.ts";
import { RecordParser } from "../../src/keys/record_stream.ts";
import {
  cutAtRandom,
  defineFuzzTarget,
  refusal,
} from "../support/fuzz_target.ts";
import { ed25519Key } from "../support/key_samples.ts";

const PATH = parseShellPath("/opt/gitlab-shell");
const SHAPE = makeLineShape(PATH);
const KEY = ed25519Key(7);
/** The scanner takes a large buffer each time, which is most of its work. */
const FILE_EVERY = 20;
const decoder = new TextDecoder();

interface Records {
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

function readRecords(
  chunks: readonly Uint8Array[],
  isStrict: boolean,
): Records {
  const good: string[] = [];
  const bad: string[] = [];
  const parser = new RecordParser({ isStrict }, {
    onRecord({ id, key }) {
      const line = encodeManagedLine(SHAPE, { id, key });
      assert(!line.includes(0x0a) && !line.includes(0x0d));
      const span = makeSpan(line);
      assertEquals(classifyLine(span, SHAPE), "managed");
      const parts = parseManagedLine(span, SHAPE);
      assert(parts.hasOurOptions);
      assertEquals(line.slice(parts.idStart, parts.idEnd), id);
      assertEquals(line.slice(parts.keyStart, parts.keyEnd), key);
      good.push(line.toHex());
    },
    onInvalid: (error) => void bad.push(error.message),
  });
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return { good, bad };
}

/** Whatever a file holds, each of its lines is something, and is left whole. */
function readFile(input: Uint8Array): void {
  const lines: Uint8Array[] = [];
  let given = false;
  scanLines({
    readSync(into) {
      if (given) return 0;
      given = true;
      into.set(input);
      return input.length;
    },
  }, (line) => {
    lines.push(line.buffer.slice(line.start, line.end));
    classifyLine(line, SHAPE);
    inspectKey(line.buffer, line.start, line.end);
  });
  assertEquals(
    lines.map((line) => decoder.decode(line)).join("\n"),
    decoder.decode(input).replace(/\n$/, ""),
  );
}

/** @returns Whether a line may be made of the two texts. */
function format(input: Uint8Array): string {
  const [id = "", ...rest] = decoder.decode(input).split("\t");
  const value = rest.join("\t");
  let outcome = "";
  for (const make of [formatKeyLine, formatPrincipalLine]) {
    try {
      const line = make(PATH, id, value);
      const name = make === formatKeyLine ? "key" : "username";
      assertEquals(
        line,
        `command="${PATH} ${name}-${id}",${LINE_OPTIONS} ${value}`,
      );
      // deno-lint-ignore no-control-regex -- this is what must not be there
      assert(!/[\0-\x1f\x7f]/.test(line));
      const head = line.slice(0, line.length - value.length);
      assertEquals(head.match(/"/g)?.length, 2);
      outcome = "a line";
    } catch (error) {
      const refused = refusal(error, RefusedLineError);
      outcome ||= refused;
    }
  }
  return outcome;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    `key-1\t${KEY} jane@host\n`,
    `1\t${KEY}`,
    `jane.doe_2\tprincipal`,
    `key-1\t${KEY}\nkey-2\tssh-rsa AAAAB3NzaC1yc2E= x\n\n`,
    `${`command="${PATH} key-1",${LINE_OPTIONS} ${KEY}`}\n# Managed by gitlab-shell\n` +
    `${"#".repeat(120)}\nno-pty,command="x" ${KEY}\n`,
  ],
  words: [
    "\n",
    "\r",
    "\t",
    "\0",
    '"',
    '",',
    'command="',
    "key-",
    " ",
    "#",
    "ssh-ed25519 ",
    "ssh-rsa",
    "\x7f",
    "\u2028",
    ",",
    "=",
    "x".repeat(8_192),
  ],
  inputs: 8_000,
  outcomes: [
    "a line, records",
    "refused: invalid key_id",
    "refused: invalid value",
  ],
  run(input, random) {
    if (random.below(FILE_EVERY) === 0) readFile(input);
    let records = 0;
    for (const isStrict of [false, true]) {
      const whole = readRecords([input], isStrict);
      assertEquals(readRecords(cutAtRandom(input, random), isStrict), whole);
      records += whole.good.length;
    }
    return `${format(input)}${records > 0 ? ", records" : ""}`;
  },
});

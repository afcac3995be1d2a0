/**
 * A name server for tests: answers A questions from a table, over UDP.
 * Source: RFC 1035.
 * @module
 */
import { createSocket } from "node:dgram";

/** A server that listens on this machine. */
export interface NameServer extends AsyncDisposable {
  readonly port: number;
  /** `A gitaly.test`, in the order they came. */
  readonly questions: string[];
}

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([[1, "A"], [
  28,
  "AAAA",
]]);
const HEADER_BYTES = 12;
const NO_SUCH_NAME = 3;

/** Starts a server that knows the IPv4 addresses in `table`. */
export async function startNameServer(
  table: Readonly<Record<string, readonly string[]>>,
): Promise<NameServer> {
  const socket = createSocket("udp4");
  const questions: string[] = [];
  socket.on("message", (message, from) => {
    const { name, type, end } = parseQuestion(message);
    const kind = TYPE_NAMES.get(type) ?? String(type);
    questions.push(`${kind} ${name}`);
    const known = Object.hasOwn(table, name);
    const ips = known && kind === "A" ? table[name] ?? [] : [];
    socket.send(
      answer(message.subarray(0, end), ips, known),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    port: socket.address().port,
    questions,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

function parseQuestion(
  message: Uint8Array,
): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let size = message[at] ?? 0; size > 0; size = message[at] ?? 0) {
    labels.push(
      new TextDecoder().decode(message.subarray(at + 1, at + 1 + size)),
    );
    at += 1 + size;
  }
  const type = (message[at + 1] ?? 0) << 8 | (message[at + 2] ?? 0);
  return { name: labels.join(".").toLowerCase(), type, end: at + 5 };
}

/** The question again, and a record for each address behind it. */
function answer(
  question: Uint8Array,
  ips: readonly string[],
  known: boolean,
): Uint8Array {
  const records = ips.map((ip) =>
    Uint8Array.of(
      ...[0xc0, HEADER_BYTES],
      ...[0, 1, 0, 1],
      ...[0, 0, 0, 60],
      ...[0, 4, ...ip.split(".").map(Number)],
    )
  );
  const message = new Uint8Array([
    ...question,
    ...records.flatMap((record) => [...record]),
  ]);
  const view = new DataView(message.buffer);
  view.setUint16(2, 0x8580 | (known ? 0 : NO_SUCH_NAME));
  view.setUint16(6, records.length);
  view.setUint16(8, 0);
  view.setUint16(10, 0);
  return message;
}

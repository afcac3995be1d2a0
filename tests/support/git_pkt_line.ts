/**
 * Git's own judgement on a stream of pkt-lines. `git upload-archive` reads a
 * list of arguments in them up to a flush, and says what is wrong with it.
 * @module
 */
import { assertEquals } from "@std/assert";
import { ProtocolError } from "../../src/core/errors.ts";
import { decodePktLine } from "../../src/git/pkt_line.ts";

/**
 * What became of the list. `character` and `length`: the digits of a packet
 * were refused. `hangup`: it ended early. `word`: something else than an
 * argument came. `done`: a flush, or one of the other markers, ended it.
 */
type Verdict = "character" | "length" | "hangup" | "word" | "many" | "done";

const ARGUMENT = "argument ";
/** Git's bound of arguments. */
const ARGUMENTS_MAX = 64;
/**
 * Git takes packets of up to four bytes more than its documents allow, as it
 * compares what is left without the digits.
 */
const TOLERATED = /^fff[1-4]$/i;

const latin1 = new TextDecoder("latin1");
let repository: Promise<string> | undefined;

/** @throws {AssertionError} If Git and we find different packets. */
export async function comparePktLines(input: Uint8Array): Promise<void> {
  const ours = judge(input);
  if (ours !== undefined) assertEquals(await askGit(input), ours);
}

/** @returns Nothing where Git is known to be more tolerant than we are. */
function judge(input: Uint8Array): Verdict | undefined {
  let rest = input;
  for (let count = 0;; count++) {
    let packet;
    try {
      packet = decodePktLine(rest);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const digits = latin1.decode(rest.subarray(0, 4));
      if (TOLERATED.test(digits)) return undefined;
      return /^[0-9a-f]{4}$/i.test(digits) ? "length" : "character";
    }
    if (!packet) return "hangup";
    // To this reader of Git's, a packet without payload is a flush too.
    if (packet.payload.length === 0) return "done";
    if (!latin1.decode(packet.payload).startsWith(ARGUMENT)) return "word";
    if (count >= ARGUMENTS_MAX) return "many";
    rest = rest.subarray(packet.sizeBytes);
  }
}

async function askGit(input: Uint8Array): Promise<Verdict> {
  repository ??= makeRepository();
  const folder = await repository;
  const child = new Deno.Command("git", {
    args: ["upload-archive", folder],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", LC_ALL: "C", HOME: folder },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  // Git may end before it has read everything.
  await writer.write(input).catch(() => {});
  await writer.close().catch(() => {});
  const text = latin1.decode((await output).stdout);
  if (text.includes("bad line length character")) return "character";
  if (text.includes("bad line length")) return "length";
  if (text.includes("hung up unexpectedly")) return "hangup";
  if (text.includes("token or flush expected")) return "word";
  return text.includes("Too many options") ? "many" : "done";
}

async function makeRepository(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "pkt-line-" });
  addEventListener(
    "unload",
    () => Deno.removeSync(folder, { recursive: true }),
  );
  await new Deno.Command("git", {
    args: ["init", "--quiet", "--bare", folder],
    stdout: "null",
  }).output();
  return folder;
}

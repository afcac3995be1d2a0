/**
 * One large object through git-lfs-transfer of `dist/`, there and back, with
 * what it took.
 * @module
 */
import { createHash } from "node:crypto";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { programPath } from "./dist.ts";
import { D, F, GREETING, t } from "./lfs_session.ts";
import type { ShellStand } from "./shell_stand.ts";

/** What one transfer took. */
export interface TransferFigures {
  readonly peakRssMib: number;
  readonly seconds: number;
}

/** git-lfs's own packets. */
const PACKET_BYTES = 32_768;
const PACKETS_A_WRITE = 8;
const PACKET_HEAD = "8004";
const MEASURE = new URL("../bench/measure_child.ts", import.meta.url).pathname;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An object that is made while it is sent. */
export class LargeTransfer {
  readonly oid: string;
  readonly #stand: ShellStand;
  readonly #sizeBytes: number;
  /** Several packets, which are sent again and again. */
  readonly #packets: Uint8Array<ArrayBuffer>;
  readonly #writeCount: number;

  /** @param sizeBytes A multiple of 256 KiB. */
  constructor(stand: ShellStand, sizeBytes: number) {
    this.#stand = stand;
    this.#sizeBytes = sizeBytes;
    const block = crypto.getRandomValues(new Uint8Array(PACKET_BYTES));
    const one = new Uint8Array(PACKET_HEAD.length + PACKET_BYTES);
    one.set(encoder.encode(PACKET_HEAD));
    one.set(block, PACKET_HEAD.length);
    this.#packets = new Uint8Array(one.length * PACKETS_A_WRITE);
    for (let at = 0; at < PACKETS_A_WRITE; at++) {
      this.#packets.set(one, at * one.length);
    }
    this.#writeCount = sizeBytes / (PACKET_BYTES * PACKETS_A_WRITE);
    const hash = createHash("sha256");
    for (let at = 0; at < this.#writeCount * PACKETS_A_WRITE; at++) {
      hash.update(block);
    }
    this.oid = hash.digest("hex");
  }

  async upload(): Promise<TransferFigures & { reply: string }> {
    const size = t(`size=${this.#sizeBytes}`);
    const head = t(`put-object ${this.oid}`) + size +
      await this.#askFor("upload") + D;
    let reply = "";
    const figures = await this.#run("upload", async (write) => {
      await write(encoder.encode(head));
      for (let count = 0; count < this.#writeCount; count++) {
        await write(this.#packets);
      }
      await write(encoder.encode(F));
    }, (chunk) => reply += decoder.decode(chunk));
    return { ...figures, reply: reply.slice(GREETING.length) };
  }

  async download(): Promise<TransferFigures & { sha256: string }> {
    const input = t(`get-object ${this.oid}`) + await this.#askFor("download") +
      F;
    const data = new DataHash(
      GREETING + t("status 200") + t(`size=${this.#sizeBytes}`) + D,
    );
    const figures = await this.#run(
      "download",
      (write) => write(encoder.encode(input)),
      (chunk) => data.push(chunk),
    );
    return { ...figures, sha256: data.digest() };
  }

  async #askFor(operation: string): Promise<string> {
    const { stdout } = await this.#stand.session({
      command: `git-lfs-transfer ${SAMPLE.project}.git ${operation}`,
      stdin: t("batch") + D + t(`${this.oid} ${this.#sizeBytes}`) + F,
    });
    const [, id = "", token = ""] = / (id=\S+) (token=\S+)/.exec(stdout) ?? [];
    return t(id) + t(token);
  }

  async #run(
    operation: string,
    feed: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
    take: (chunk: Uint8Array) => void,
  ): Promise<TransferFigures> {
    const file = await Deno.makeTempFile();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MEASURE, file, programPath("gitlab-shell"), "key-1"],
      env: {
        GITLAB_SHELL_DIR: this.#stand.stack.shellRoot.path,
        SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
        SSH_ORIGINAL_COMMAND:
          `git-lfs-transfer ${SAMPLE.project}.git ${operation}`,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    const feeding = feed((bytes) => writer.write(bytes))
      .then(() => writer.close());
    for await (const chunk of child.stdout) take(chunk);
    await feeding;
    await child.status;
    const usage = JSON.parse(await Deno.readTextFile(file));
    await Deno.remove(file);
    return { peakRssMib: usage.peakRssMib, seconds: usage.wallMs / 1000 };
  }
}

/** Takes packets apart and hashes what is in them. */
class DataHash {
  readonly #hash = createHash("sha256");
  readonly #head: string;
  #start = new Uint8Array(0);
  #hasHead = false;
  #digits = "";
  #leftBytes = 0;

  /** @param head What stands in front of the data. */
  constructor(head: string) {
    this.#head = head;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    if (!this.#hasHead) {
      const joined = new Uint8Array(this.#start.length + chunk.length);
      joined.set(this.#start);
      joined.set(chunk, this.#start.length);
      this.#start = joined;
      if (joined.length < this.#head.length) return;
      const head = decoder.decode(joined.subarray(0, this.#head.length));
      if (head !== this.#head) throw new Error(`Not the head: ${head}`);
      this.#hasHead = true;
      rest = joined.subarray(this.#head.length);
    }
    while (rest.length > 0) rest = rest.subarray(this.#step(rest));
  }

  digest(): string {
    return this.#hash.digest("hex");
  }

  #step(rest: Uint8Array): number {
    if (this.#leftBytes > 0) {
      const piece = rest.subarray(0, this.#leftBytes);
      this.#hash.update(piece);
      this.#leftBytes -= piece.length;
      return piece.length;
    }
    this.#digits += String.fromCharCode(rest[0] ?? 0);
    if (this.#digits.length === 4) {
      this.#leftBytes = Math.max(0, parseInt(this.#digits, 16) - 4);
      this.#digits = "";
    }
    return 1;
  }
}

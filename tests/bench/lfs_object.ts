/**
 * One large LFS object, carried through gitlab-shell and with curl to and from
 * the same store.
 * @module
 */
import { createHash } from "node:crypto";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { programPath } from "../support/dist.ts";
import { D, F, t } from "../support/lfs_session.ts";
import type { ChildUsage } from "./measure_child.ts";
import { measureWords } from "./process_timer.ts";

/** What one run took. */
export interface LfsRun {
  readonly seconds: number;
  /** Of gitlab-shell alone. */
  readonly usage: ChildUsage | undefined;
}

/** Where the object is, as a batch says it. */
export interface LfsAction {
  readonly id: string;
  readonly token: string;
  readonly href: string;
  readonly authorization: string;
}

/** git-lfs's own packets. */
const PACKET_BYTES = 32_768;
const PACKET_HEAD = new TextEncoder().encode("8004");
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One object in files: as it is, and as a client would send it. */
export class LfsObject {
  readonly #folder: string;
  readonly #rootPath: string;
  readonly #sizeBytes: number;
  #oid = "";

  /**
   * @param folder Where the files go.
   * @param rootPath Root directory of gitlab-shell.
   * @param sizeBytes A multiple of 32 KiB.
   */
  constructor(folder: string, rootPath: string, sizeBytes: number) {
    this.#folder = folder;
    this.#rootPath = rootPath;
    this.#sizeBytes = sizeBytes;
  }

  /** Makes the files and asks where the object goes. */
  async prepareUpload(): Promise<LfsAction> {
    await this.#writeObject();
    const action = await this.askFor("upload");
    await this.#writePackets(action);
    return action;
  }

  /** Uploads with curl, from a pipe as well. */
  curlUpload({ href, authorization }: LfsAction): Promise<LfsRun> {
    return this.#time([
      `cat raw | curl -sSf -o out -T - -X PUT -H 'Expect:'`,
      `-H 'Authorization: ${authorization}' -H 'Transfer-Encoding:'`,
      `-H 'Content-Length: ${this.#sizeBytes}' '${href}'`,
    ]);
  }

  /** Uploads with gitlab-shell. */
  shellUpload(): Promise<LfsRun> {
    return this.#time([
      `cat packets | ${this.#shell("upload")} > out`,
    ]);
  }

  /** Downloads with curl into a pipe. */
  curlDownload({ href, authorization }: LfsAction): Promise<LfsRun> {
    return this.#time([
      `curl -sSf -H 'Authorization: ${authorization}' '${href}' |`,
      "cat > /dev/null",
    ]);
  }

  /** Downloads with gitlab-shell into a pipe. */
  async shellDownload({ id, token }: LfsAction): Promise<LfsRun> {
    const input = t(`get-object ${this.#oid}`) + t(`id=${id}`) +
      t(`token=${token}`) + F;
    await Deno.writeTextFile(`${this.#folder}/input`, input);
    return await this.#time([
      `cat input | ${this.#shell("download")} | cat > /dev/null`,
    ]);
  }

  #shell(operation: string, isMeasured = true): string {
    const measure = [Deno.execPath(), ...measureWords("usage")].join(" ");
    return `SSH_ORIGINAL_COMMAND='git-lfs-transfer ${SAMPLE.project} ${operation}' ` +
      `SSH_CONNECTION='127.0.0.1 0 127.0.0.2 65535' ` +
      `GITLAB_SHELL_DIR='${this.#rootPath}' ${isMeasured ? measure : ""} ` +
      `'${programPath("gitlab-shell")}' key-1`;
  }

  async #time(words: readonly string[]): Promise<LfsRun> {
    await Deno.remove(`${this.#folder}/usage`).catch(() => {});
    const startMs = performance.now();
    await this.#sh(words.join(" "));
    const seconds = (performance.now() - startMs) / 1000;
    const text = await Deno.readTextFile(`${this.#folder}/usage`)
      .catch(() => "");
    const usage: ChildUsage | undefined = text === ""
      ? undefined
      : JSON.parse(text);
    // Without the start of what measures.
    return { seconds: usage ? usage.wallMs / 1000 : seconds, usage };
  }

  /** Asks where the object is, or where it goes. */
  async askFor(operation: string): Promise<LfsAction> {
    const input = t("batch") + D + t(`${this.#oid} ${this.#sizeBytes}`) + F;
    await Deno.writeTextFile(`${this.#folder}/input`, input);
    const reply = await this.#sh(
      `cat input | ${this.#shell(operation, false)}`,
    );
    const [, id = "", token = ""] = / id=(\S+) token=(\S+)/.exec(reply) ?? [];
    const { href, headers } = JSON.parse(
      decoder.decode(Uint8Array.fromBase64(id)),
    );
    return { id, token, href, authorization: headers["Authorization"] };
  }

  async #sh(script: string): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", script],
      cwd: this.#folder,
      stdin: "null",
    }).output();
    if (success) return decoder.decode(stdout);
    throw new Error(`${script}: ${decoder.decode(stderr)}`);
  }

  async #writeObject(): Promise<void> {
    using file = await Deno.create(`${this.#folder}/raw`);
    const hash = createHash("sha256");
    const block = crypto.getRandomValues(new Uint8Array(PACKET_BYTES));
    for (let at = 0; at < this.#sizeBytes; at += PACKET_BYTES) {
      new DataView(block.buffer).setUint32(0, at / PACKET_BYTES);
      hash.update(block);
      file.writeSync(block);
    }
    this.#oid = hash.digest("hex");
  }

  async #writePackets({ id, token }: LfsAction): Promise<void> {
    using raw = await Deno.open(`${this.#folder}/raw`);
    using file = await Deno.create(`${this.#folder}/packets`);
    const write = (bytes: Uint8Array) => void file.writeSync(bytes);
    write(encoder.encode(
      t(`put-object ${this.#oid}`) + t(`size=${this.#sizeBytes}`) +
        t(`id=${id}`) + t(`token=${token}`) + D,
    ));
    const block = new Uint8Array(PACKET_BYTES);
    while (raw.readSync(block) === PACKET_BYTES) {
      write(PACKET_HEAD);
      write(block);
    }
    write(encoder.encode(F));
  }
}

/**
 * One large LFS object, there and back, through gitlab-shell and with curl on
 * the same store.
 * @module
 */
import { createHash } from "node:crypto";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { programPath } from "../support/dist.ts";
import { D, F, t } from "../support/lfs_session.ts";
import type { ChildUsage } from "./measure_child.ts";

/** What one way of carrying the object took. */
export interface LfsFigures {
  readonly question: string;
  readonly answer: string;
  readonly seconds: number;
  /** Of gitlab-shell alone. */
  readonly usage: ChildUsage | undefined;
}

/** Where the object is, as a batch says it. */
interface Action {
  readonly id: string;
  readonly token: string;
  readonly href: string;
  readonly authorization: string;
}

const MIB = 1024 * 1024;
/** git-lfs's own packets. */
const PACKET_BYTES = 32_768;
const PACKET_HEAD = new TextEncoder().encode("8004");
const STORE = new URL("lfs_store.ts", import.meta.url).pathname;
const MEASURE = new URL("measure_child.ts", import.meta.url).pathname;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Carries an object of `mib` MiB, both ways and by both programs.
 * @returns Figures of every run, round by round.
 */
export async function measureLfs(
  mib: number,
  rounds: number,
): Promise<LfsFigures[]> {
  const folder = await Deno.makeTempDir();
  await using store = await startStore(`${folder}/stack`);
  try {
    const bench = new LfsBench(folder, store.rootPath, mib * MIB);
    return await bench.run(rounds);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function startStore(
  folder: string,
): Promise<AsyncDisposable & { rootPath: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", STORE, folder],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return {
    rootPath: JSON.parse(decoder.decode(value)).rootPath,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

class LfsBench {
  readonly #folder: string;
  readonly #rootPath: string;
  readonly #sizeBytes: number;
  #oid = "";

  constructor(folder: string, rootPath: string, sizeBytes: number) {
    this.#folder = folder;
    this.#rootPath = rootPath;
    this.#sizeBytes = sizeBytes;
  }

  async run(rounds: number): Promise<LfsFigures[]> {
    const figures: LfsFigures[] = [];
    await this.#writeObject();
    const up = await this.#askFor("upload");
    await this.#writePackets(up);
    for (let round = 0; round < rounds; round++) {
      figures.push(await this.#curlUpload(up), await this.#shellUpload());
    }
    const down = await this.#askFor("download");
    for (let round = 0; round < rounds; round++) {
      figures.push(await this.#curlDownload(down));
      figures.push(await this.#shellDownload(down));
    }
    return figures;
  }

  #curlUpload({ href, authorization }: Action): Promise<LfsFigures> {
    return this.#time("upload", "curl", [
      `cat raw | curl -sSf -o out -T - -X PUT -H 'Expect:'`,
      `-H 'Authorization: ${authorization}' -H 'Transfer-Encoding:'`,
      `-H 'Content-Length: ${this.#sizeBytes}' '${href}'`,
    ]);
  }

  #shellUpload(): Promise<LfsFigures> {
    return this.#time("upload", "ours", [
      `cat packets | ${this.#shell("upload")} > out`,
    ]);
  }

  #curlDownload({ href, authorization }: Action): Promise<LfsFigures> {
    return this.#time("download", "curl", [
      `curl -sSf -H 'Authorization: ${authorization}' '${href}' |`,
      "cat > /dev/null",
    ]);
  }

  async #shellDownload({ id, token }: Action): Promise<LfsFigures> {
    const input = t(`get-object ${this.#oid}`) + t(`id=${id}`) +
      t(`token=${token}`) + F;
    await Deno.writeTextFile(`${this.#folder}/input`, input);
    return await this.#time("download", "ours", [
      `cat input | ${this.#shell("download")} | cat > /dev/null`,
    ]);
  }

  #shell(operation: string, isMeasured = true): string {
    const measure = `'${Deno.execPath()}' run -q -A '${MEASURE}' usage`;
    return `SSH_ORIGINAL_COMMAND='git-lfs-transfer ${SAMPLE.project} ${operation}' ` +
      `SSH_CONNECTION='127.0.0.1 0 127.0.0.2 65535' ` +
      `GITLAB_SHELL_DIR='${this.#rootPath}' ${isMeasured ? measure : ""} ` +
      `'${programPath("gitlab-shell")}' key-1`;
  }

  async #time(
    question: string,
    answer: string,
    words: readonly string[],
  ): Promise<LfsFigures> {
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
    return {
      question,
      answer,
      seconds: usage ? usage.wallMs / 1000 : seconds,
      usage,
    };
  }

  async #askFor(operation: string): Promise<Action> {
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

  async #writePackets({ id, token }: Action): Promise<void> {
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

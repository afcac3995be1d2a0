/**
 * gitlab-sshd as an operator starts it: a configuration that works, and a
 * process whose records can be waited for.
 */
import { programPath } from "./dist.ts";
import { makeTempDir, type TempDir } from "./temp_dir.ts";

const START_TIMEOUT_MS = 20_000;

/** One record of the log. */
export type LogRecord = Record<string, unknown>;

/** Lines of a configuration that works; `sshd` lines replace ours. */
export function configOf(
  { hostKey, gitlabUrl = "http://127.0.0.1:9", sshd = [], lines = [] }: {
    hostKey: string;
    gitlabUrl?: string;
    sshd?: readonly string[];
    lines?: readonly string[];
  },
): string {
  const names = sshd.map((line) => line.split(":")[0]);
  const defaults = [
    'listen: "127.0.0.1:0"',
    'web_listen: ""',
    `host_key_files: ["${hostKey}"]`,
  ].filter((line) => !names.includes(line.split(":")[0]));
  return [
    `gitlab_url: "${gitlabUrl}"`,
    "secret: secret",
    'log_file: ""',
    ...lines,
    "sshd:",
    ...[...defaults, ...sshd].map((line) => `  ${line}`),
    "",
  ].join("\n");
}

/** Records among lines of other kinds. */
export function parseRecords(text: string): LogRecord[] {
  return text.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

/** What the system lets a server have. */
export interface SshdLimits {
  /** Open files; as many as the test itself unless given. */
  readonly descriptors?: number;
  /** Another copy of the program than that in `dist/`. */
  readonly path?: string;
  /** What is started in place of the built program. */
  readonly program?: readonly string[];
}

/** A server that runs. */
export class RunningSshd implements AsyncDisposable {
  readonly records: LogRecord[] = [];
  readonly status: Promise<Deno.CommandStatus>;
  port = 0;
  readonly #child: Deno.ChildProcess;
  readonly #dir: TempDir;
  readonly #reading: Promise<void>;
  #wake = () => {};
  #hasEnded = false;

  private constructor(
    config: string,
    env: Readonly<Record<string, string>>,
    { descriptors, path = programPath("gitlab-sshd"), program = [path] }:
      SshdLimits,
  ) {
    this.#dir = makeTempDir({ "config.yml": config });
    const words = [
      ...program,
      `--config-dir=${this.#dir.path}`,
    ];
    const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors};`;
    this.#child = new Deno.Command("/bin/sh", {
      args: ["-c", `${limit} exec "$0" "$@"`, ...words],
      env: { PATH: Deno.env.get("PATH") ?? "", ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.status = this.#child.status;
    this.#reading = this.#read(this.#child.stderr);
  }

  /** @param env Beside `PATH`. */
  static async start(
    config: string,
    env: Readonly<Record<string, string>> = {},
    limits: SshdLimits = {},
  ): Promise<RunningSshd> {
    const server = new RunningSshd(config, env, limits);
    const timer = setTimeout(() => server.signal("SIGKILL"), START_TIMEOUT_MS);
    const record = await server.logged("Listening for SSH connections");
    clearTimeout(timer);
    const address = String(record["tcp_address"]);
    server.port = Number(address.slice(address.lastIndexOf(":") + 1));
    return server;
  }

  /** Waits for a record with this message, the one of that number. */
  async logged(message: string, number = 1): Promise<LogRecord> {
    for (;;) {
      const record = this.records.filter(({ msg }) => msg === message)
        .at(number - 1);
      if (record) return record;
      if (this.#hasEnded) throw new Error(`Ended without ${message}`);
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }

  /** Replaces the configuration; the server looks at it when it is told to. */
  async configure(config: string): Promise<void> {
    await Deno.writeTextFile(`${this.#dir.path}/config.yml`, config);
  }

  /** The folder of its configuration. */
  get folder(): string {
    return this.#dir.path;
  }

  /** Processor time so far, in hundredths of a second. */
  cpuTicks(): number {
    const [, fields = ""] = /^.*\) (.*)/s.exec(
      Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`),
    ) ?? [];
    const [user = 0, system = 0] = fields.split(" ").slice(11, 13).map(Number);
    return user + system;
  }

  signal(name: Deno.Signal): void {
    try {
      this.#child.kill(name);
    } catch {
      // It has ended by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.status;
    await this.#reading;
    this.#dir[Symbol.dispose]();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(
        "\n",
      );
      rest = lines.pop() ?? "";
      this.records.push(...parseRecords(lines.join("\n")));
      this.#wake();
    }
    this.#hasEnded = true;
    this.#wake();
  }
}

/** Whether anybody takes connections on the port. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * A stand-in for Gitaly: its SSH service on unix, TCP and TLS sockets, with
 * real git behind it.
 * Source: Gitaly 18.9, and older ones where `era.ts` says so.
 * @module
 */
import { SYSTEM_CLOCK } from "../../core/host.ts";
import {
  isListenerClosed,
  type ListenAddress,
  type OpenListener,
  openListener,
  pauseAccepting,
} from "../listen.ts";
import { RecordList } from "../records.ts";
import type { CarrierName, ServerCarrier } from "./carrier.ts";
import { Connection } from "./connection.ts";
import {
  GITALY_TIMEOUTS,
  type GitalyCore,
  type GitalyTimeouts,
} from "./core.ts";
import { GITALY_ERAS, type GitalyEraName } from "./era.ts";
import type { GitalyFaults } from "./faults.ts";
import type { GitRuntime } from "./git_command.ts";
import type { GitProcess } from "./git_process.ts";
import { type ConcurrencyLimit, ConcurrencyLimiter } from "./limiter.ts";
import type { CallRecord, ConnectionRecord } from "./call_records.ts";
import type { Storages } from "./validate.ts";
import { GITALY_YAMUX, type YamuxOptions } from "./yamux_session.ts";

/** How a stand-in is set up; what is absent is as in Gitaly 18. */
export interface GitalyOptions {
  readonly storages: Storages;
  readonly listen: readonly ListenAddress[];
  /** Environment to pick git's from; `PATH` at least. */
  readonly env: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly era?: GitalyEraName;
  /** Whether an HTTP/2 client is started towards every caller; the era's choice if absent. */
  readonly isBackchannelEager?: boolean;
  /** What speaks HTTP/2; `grpc-js` unless given. */
  readonly carrier?: CarrierName;
  readonly yamux?: Partial<YamuxOptions>;
  readonly timeouts?: Partial<GitalyTimeouts>;
  readonly limit?: ConcurrencyLimit;
  /** `custom` runs the hooks in a repository's `custom_hooks`. */
  readonly hooks?: "none" | "custom";
  readonly gitProgram?: string;
  /** `key=value` options that win over Gitaly's own. */
  readonly gitConfigOptions?: readonly string[];
  readonly clock?: { nowMs(): number };
  readonly faults?: GitalyFaults;
}

/** A stand-in that runs. */
export interface Gitaly extends AsyncDisposable {
  /** Addresses as GitLab writes them, in the order of `listen`. */
  readonly addresses: readonly string[];
  readonly calls: RecordList<CallRecord>;
  readonly connections: RecordList<ConnectionRecord>;
  /** How many git processes run now. */
  readonly gitCount: number;
  /** Stops as Gitaly does: GOAWAY, then up to `graceMs` for running calls. */
  drain(graceMs: number): Promise<void>;
}

/**
 * Starts a stand-in.
 * @throws {Deno.errors.AddrInUse} If an address is taken; nothing is left open.
 * @throws {Error} If git cannot be run.
 */
export async function startGitaly(options: GitalyOptions): Promise<Gitaly> {
  const core = await makeCore(options);
  const server = new GitalyServer(core);
  try {
    for (const listen of options.listen) server.listen(listen);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

class GitalyServer implements Gitaly {
  readonly #core: GitalyCore;
  readonly #listeners: OpenListener[] = [];
  readonly #addresses: string[] = [];
  readonly #live = new Set<Connection>();
  readonly #loops: Promise<void>[] = [];
  #connectionCount = 0;

  constructor(core: GitalyCore) {
    this.#core = core;
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }
  get calls(): RecordList<CallRecord> {
    return this.#core.calls;
  }
  get connections(): RecordList<ConnectionRecord> {
    return this.#core.connections;
  }
  get gitCount(): number {
    return this.#core.processes.size;
  }

  listen(address: ListenAddress): void {
    const opened = openListener(address);
    this.#listeners.push(opened);
    const separator = address.transport === "unix" ? ":" : "://";
    this.#addresses.push(address.transport + separator + opened.boundTo);
    this.#loops.push(this.#acceptFrom(opened.listener, address.transport));
  }

  async drain(graceMs: number): Promise<void> {
    this.#closeListeners();
    for (const connection of this.#live) connection.drain(graceMs);
    const timer = setTimeout(() => this.#closeConnections(), graceMs);
    await Promise.all(
      [...this.#live].map(({ record }) => record.closed),
    );
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeListeners();
    this.#closeConnections();
    await Promise.all(this.#loops);
    await Promise.all([...this.#core.processes].map((git) => git.kill()));
  }

  async #acceptFrom(
    listener: Deno.Listener,
    transport: ListenAddress["transport"],
  ): Promise<void> {
    for (;;) {
      let conn: Deno.Conn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (isListenerClosed(error)) return;
        await pauseAccepting();
        continue;
      }
      this.#open({ id: ++this.#connectionCount, transport, conn });
    }
  }

  #open(accepted: ConstructorParameters<typeof Connection>[1]): void {
    const connection = new Connection(this.#core, accepted);
    this.#live.add(connection);
    connection.record.closed.then(() => this.#live.delete(connection));
  }

  #closeListeners(): void {
    for (const listener of this.#listeners) listener.close();
  }

  #closeConnections(): void {
    for (const connection of this.#live) connection.close();
  }
}

async function makeCore(options: GitalyOptions): Promise<GitalyCore> {
  const era = GITALY_ERAS[options.era ?? "gitaly_18"];
  return {
    storages: options.storages,
    era,
    token: options.token ?? "",
    clock: options.clock ?? SYSTEM_CLOCK,
    timeouts: { ...GITALY_TIMEOUTS, ...options.timeouts },
    yamux: { ...GITALY_YAMUX, ...options.yamux },
    isBackchannelEager: options.isBackchannelEager ?? era.isBackchannelEager,
    carrier: await loadCarrier(options.carrier ?? "grpc-js"),
    hooks: options.hooks ?? "none",
    git: await findGit(options),
    limiter: options.limit &&
      new ConcurrencyLimiter(options.limit, era.limitCode),
    faults: options.faults ?? {},
    calls: new RecordList(),
    connections: new RecordList(),
    processes: new Set<GitProcess>(),
  };
}

async function loadCarrier(name: CarrierName): Promise<ServerCarrier> {
  return name === "lean"
    ? (await import("./http2/lean_server_carrier.ts")).LEAN_SERVER_CARRIER
    : (await import("./grpc_js_carrier.ts")).GRPC_JS_CARRIER;
}

async function findGit(options: GitalyOptions): Promise<GitRuntime> {
  const program = options.gitProgram ?? "git";
  const { stdout } = await new Deno.Command(program, {
    args: ["version"],
    env: { ...options.env },
    clearEnv: true,
    stdin: "null",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const [, major, minor] = /^git version ([0-9]+)\.([0-9]+)/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new Error(`Cannot read git's version from ${JSON.stringify(text)}`);
  }
  return {
    program,
    version: [Number(major), Number(minor)],
    env: options.env,
    configOptions: options.gitConfigOptions ?? [],
    cpuCount: navigator.hardwareConcurrency,
  };
}

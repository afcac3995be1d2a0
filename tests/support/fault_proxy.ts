/**
 * A proxy between two ends of the product that passes everything on until it
 * is told to spoil it: once, on one connection, at one place in its bytes.
 * @module
 */
import type { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** What can happen to a connection. */
export const FAULTS = [
  "delay",
  "drip",
  "truncate",
  "reset",
  "corrupt",
  "stall",
] as const;
/**
 * `delay`: silence for a while. `drip`: a few bytes at a time for a while.
 * `truncate`: the stream ends as if it were over. `reset`: both ends lose the
 * connection. `corrupt`: some bytes are others. `stall`: silence for ever.
 */
export type Fault = typeof FAULTS[number];

/** Which connection is spoiled, how and where. */
export interface FaultPlan {
  readonly fault: Fault;
  /** Where the bytes go that are spoiled. */
  readonly toward: "client" | "server";
  /** Bytes that pass in this direction before it happens. */
  readonly afterBytes: number;
  /** Text that passes before, in one piece; `afterBytes` count from behind it. */
  readonly afterText?: string;
  /** Text in the first bytes of the client, where not every connection is meant. */
  readonly onlyIf?: string;
}

/** Where the proxy passes things on to. */
export type ProxyTarget =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

const HOSTNAME = "127.0.0.1";
const DELAY_MS = 300;
const DRIP_BYTES = 7;
const DRIP_EVERY_MS = 3;
const DRIP_TIMES = 60;
const CORRUPT_BYTES = 4;
/** Enough of a client to find a request line in. */
const HEAD_BYTES = 400;

/** Passes connections on, and spoils them as told. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: ProxyTarget;
  readonly #links = new Set<Link>();
  #plan: FaultPlan | undefined;
  #struck = 0;

  private constructor(target: ProxyTarget) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const link: Link = new Link(
        client,
        this.#dial(),
        (): FaultPlan | undefined => this.#takePlan(link),
      );
      this.#links.add(link);
      link.closed.then(() => this.#links.delete(link));
    });
  }

  /** Starts a proxy on a free port. */
  static async start(target: ProxyTarget): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) =>
      proxy.#server.listen(0, HOSTNAME, resolve)
    );
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get openCount(): number {
    return this.#links.size;
  }

  /** How many connections were spoiled. */
  get struck(): number {
    return this.#struck;
  }

  /** Spoils the next connection that fits, and counts bytes anew. */
  arm(plan: FaultPlan): void {
    this.disarm();
    this.#plan = plan;
    this.#struck = 0;
  }

  /** Spoils nothing from now on, and ends every connection. */
  disarm(): void {
    this.#plan = undefined;
    for (const link of this.#links) link.sever();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disarm();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #dial(): Socket {
    return connect({
      ...("path" in this.#target
        ? { path: this.#target.path }
        : { host: this.#target.hostname, port: this.#target.port }),
      allowHalfOpen: true,
    });
  }

  /** The plan, if it is meant for this connection; it is used up then. */
  #takePlan(link: Link): FaultPlan | undefined {
    const plan = this.#plan;
    if (!plan || !isMeant(plan, link)) return undefined;
    this.#plan = undefined;
    this.#struck++;
    return plan;
  }
}

function isMeant(plan: FaultPlan, { head, piece, passed }: Link): boolean {
  if (plan.onlyIf !== undefined && !head.includes(plan.onlyIf)) return false;
  if (piece?.toward !== plan.toward) return false;
  return cutOf(plan, piece.bytes, passed[plan.toward]) < piece.bytes.length;
}

/** Where in a piece the fault happens; behind its end if it does not. */
function cutOf(
  { afterBytes, afterText }: FaultPlan,
  bytes: Buffer,
  passedBytes: number,
): number {
  if (afterText === undefined) return Math.max(0, afterBytes - passedBytes);
  const at = bytes.indexOf(afterText, 0, "latin1");
  return at < 0 ? Infinity : at + afterText.length + afterBytes;
}

type Direction = FaultPlan["toward"];

/** Where bytes come from and where they go. */
interface Ends {
  readonly from: Socket;
  readonly to: Socket;
}

/** The two halves of one connection. */
class Link {
  readonly closed: Promise<void>;
  /** The client's first bytes. */
  head = "";
  /** What is about to pass. */
  piece: { readonly toward: Direction; readonly bytes: Buffer } | undefined;
  readonly passed = { client: 0, server: 0 };
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #takePlan: () => FaultPlan | undefined;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** Directions in which nothing passes any more. */
  readonly #muted = new Set<Direction>();
  /** Directions in which something is held back, and whether the end is too. */
  readonly #held = new Map<Direction, { hasEnded: boolean }>();

  constructor(
    client: Socket,
    server: Socket,
    takePlan: () => FaultPlan | undefined,
  ) {
    this.#client = client;
    this.#server = server;
    this.#takePlan = takePlan;
    const bothClosed = [client, server].map((socket) =>
      new Promise<void>((resolve) => socket.once("close", () => resolve()))
    );
    this.closed = Promise.all(bothClosed).then(() => {
      for (const timer of this.#timers) clearTimeout(timer);
    });
    this.#pump(client, server, "server");
    this.#pump(server, client, "client");
  }

  /** Ends both halves, so that both ends notice. */
  sever(): void {
    for (const socket of [this.#client, this.#server]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  #pump(from: Socket, to: Socket, toward: Direction): void {
    from.on("data", (bytes: Buffer) => {
      if (this.#muted.has(toward)) return;
      if (toward === "server" && this.head.length < HEAD_BYTES) {
        this.head += bytes.toString("latin1");
      }
      this.piece = { toward, bytes };
      const plan = this.#takePlan();
      if (plan) this.#strike(plan, bytes, { from, to });
      else if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      this.passed[toward] += bytes.length;
    });
    from.on("end", () => {
      const held = this.#held.get(toward);
      if (held) held.hasEnded = true;
      else if (!this.#muted.has(toward)) to.end();
    });
    // A half that breaks takes the other with it, as a network would.
    from.on("error", () => to.destroy());
    from.on("close", () => {
      if (!from.readableEnded && !this.#held.has(toward)) to.destroy();
    });
  }

  #strike(plan: FaultPlan, bytes: Buffer, { from, to }: Ends): void {
    const { fault, toward } = plan;
    const cut = cutOf(plan, bytes, this.passed[toward]);
    to.write(bytes.subarray(0, cut));
    const rest = bytes.subarray(cut);
    switch (fault) {
      case "delay":
        this.#hold(toward, { from, to });
        return this.#later(DELAY_MS, () => {
          to.write(rest);
          this.#release(toward, { from, to });
        });
      case "drip":
        this.#hold(toward, { from, to });
        return this.#drip(rest, toward, { from, to }, DRIP_TIMES);
      case "truncate":
        this.#muted.add(toward);
        to.end();
        return;
      case "reset":
        return this.sever();
      case "corrupt": {
        const spoiled = rest.map((byte, at) =>
          at < CORRUPT_BYTES ? byte ^ 0xff : byte
        );
        to.write(spoiled);
        return;
      }
      case "stall":
        this.#muted.add("client").add("server");
        from.pause();
    }
  }

  #hold(toward: Direction, { from }: Ends): void {
    this.#held.set(toward, { hasEnded: false });
    from.pause();
  }

  #release(toward: Direction, { from, to }: Ends): void {
    const hasEnded = this.#held.get(toward)?.hasEnded ?? false;
    this.#held.delete(toward);
    if (hasEnded) to.end();
    else from.resume();
  }

  #drip(rest: Buffer, toward: Direction, ends: Ends, times: number): void {
    if (rest.length === 0 || times === 0) {
      ends.to.write(rest);
      return this.#release(toward, ends);
    }
    ends.to.write(rest.subarray(0, DRIP_BYTES));
    const later = rest.subarray(DRIP_BYTES);
    this.#later(
      DRIP_EVERY_MS,
      () => this.#drip(later, toward, ends, times - 1),
    );
  }

  #later(afterMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, afterMs);
    this.#timers.add(timer);
  }
}

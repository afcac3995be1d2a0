/**
 * Connections that calls share. A call takes one, and the last call on a
 * connection that takes no more ends it.
 * Source: GitLab Shell 14.56.1, Gitaly client (one connection per command,
 * address and token); grpc-go (20 s to connect, 30 minutes idle, round robin
 * over the addresses of a host); Gitaly 18.9, dnsresolver (5 minutes).
 * @module
 */
import { Timer } from "../core/timer.ts";
import type { GitalyAddress } from "./address.ts";
import { dial, type DialTarget } from "./dial.ts";
import { GitalyConnection } from "./gitaly_connection.ts";
import type { GrpcCarrier } from "./grpc_call.ts";
import { resolveTargets } from "./resolver.ts";
import type { SidechannelRegistry } from "./sidechannel_registry.ts";
import type { TrustedRoots } from "./trusted_roots.ts";

const CONNECT_TIMEOUT_MS = 20_000;
const KEEPALIVE_TIME_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
const IDLE_TIMEOUT_MS = 30 * 60_000;
const REFRESH_MS = 5 * 60_000;

/** What the pool needs of its surroundings. */
export interface PoolSetup {
  readonly carrier: GrpcCarrier;
  readonly registry: SidechannelRegistry;
  readonly roots: TrustedRoots;
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Whether to spread connections over all addresses of a host. */
  readonly spreads: boolean;
  readonly idleTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
}

/** Where a connection leads; calls share one if all members are equal. */
export interface PoolKey {
  readonly service: string;
  /** The text that `address` was parsed from. */
  readonly rawAddress: string;
  readonly token: string;
  readonly address: GitalyAddress;
}

/** A connection in use. */
export interface ConnectionLease {
  readonly connection: GitalyConnection;
  /** Ends the use. Idempotent. */
  release(): void;
}

/** A server: its addresses, and a connection to each that was needed. */
interface Peer {
  readonly entries: Map<string, Entry>;
  targets: readonly DialTarget[];
  resolvedAtMs: number;
  turn: number;
}

interface Entry {
  readonly connecting: Promise<GitalyConnection>;
  connection: GitalyConnection | undefined;
  uses: number;
  idleTimer: Timer | undefined;
}

/** All connections of one client. */
export class ConnectionPool {
  readonly #setup: PoolSetup;
  readonly #peers = new Map<string, Peer>();
  readonly #open = new Set<GitalyConnection>();
  /** Addresses whose server knows no yamux, for the life of the process. */
  readonly #plainAddresses = new Set<string>();
  /** Addresses whose server has answered through yamux. */
  readonly #multiplexedAddresses = new Set<string>();
  #isClosed = false;

  constructor(setup: PoolSetup) {
    this.#setup = setup;
  }

  /**
   * Takes a connection, a new one if none is there.
   * @throws {DialError} If no address of the host can be connected to.
   */
  async acquire(key: PoolKey): Promise<ConnectionLease> {
    const peer = this.#peerOf(key);
    const targets = await this.#refresh(peer, key.address);
    const first = peer.turn++;
    let failure: unknown;
    for (let step = 0; step < targets.length; step++) {
      const target = targets[(first + step) % targets.length];
      if (target === undefined) break;
      try {
        return await this.#lease(peer, target, key);
      } catch (error) {
        failure = error;
      }
    }
    // The next call asks for the addresses anew.
    peer.resolvedAtMs = -Infinity;
    throw failure;
  }

  /**
   * Notes what a connection that ended has taught about its server.
   * @returns Whether it is worth to connect without yamux now.
   */
  learn({ rawAddress }: PoolKey, connection: GitalyConnection): boolean {
    if (!connection.wasMagicRefused) return false;
    if (this.#multiplexedAddresses.has(rawAddress)) return false;
    this.#plainAddresses.add(rawAddress);
    return true;
  }

  /** Forgets that a server knows no yamux. */
  unlearn({ rawAddress }: PoolKey): void {
    this.#plainAddresses.delete(rawAddress);
  }

  /** Ends every connection; those under way are closed when they stand. */
  close(): void {
    this.#isClosed = true;
    for (const { entries } of this.#peers.values()) {
      for (const { idleTimer } of entries.values()) idleTimer?.stop();
    }
    this.#peers.clear();
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  #peerOf({ service, rawAddress, token }: PoolKey): Peer {
    const name = JSON.stringify([service, rawAddress, token]);
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      peer = {
        entries: new Map(),
        targets: [],
        resolvedAtMs: -Infinity,
        turn: 0,
      };
      this.#peers.set(name, peer);
    }
    return peer;
  }

  async #refresh(
    peer: Peer,
    address: GitalyAddress,
  ): Promise<readonly DialTarget[]> {
    const nowMs = performance.now();
    if (nowMs - peer.resolvedAtMs >= REFRESH_MS) {
      const isFirst = peer.targets.length === 0;
      peer.targets = await resolveTargets(address, this.#setup);
      peer.resolvedAtMs = nowMs;
      // Processes that start together do not all begin with the same address.
      if (isFirst) peer.turn = Math.floor(Math.random() * peer.targets.length);
    }
    return peer.targets;
  }

  async #lease(
    peer: Peer,
    target: DialTarget,
    key: PoolKey,
  ): Promise<ConnectionLease> {
    const name = JSON.stringify(target);
    let entry = peer.entries.get(name);
    if (entry === undefined || this.#isStale(entry, key)) {
      entry = this.#connect(peer, target, key);
      peer.entries.set(name, entry);
    }
    entry.idleTimer?.stop();
    entry.uses++;
    const used = entry;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      this.#confirm(key, used.connection);
      used.uses--;
      if (used.uses === 0) this.#rest(peer, name, used);
    };
    try {
      return { connection: await used.connecting, release };
    } catch (error) {
      if (peer.entries.get(name) === used) peer.entries.delete(name);
      throw error;
    }
  }

  /** Whether a new call should have another connection than this one. */
  #isStale({ connection }: Entry, { rawAddress }: PoolKey): boolean {
    if (connection === undefined) return false;
    return !connection.isUsable ||
      connection.isMultiplexed === this.#plainAddresses.has(rawAddress);
  }

  #connect(peer: Peer, target: DialTarget, key: PoolKey): Entry {
    const entry: Entry = {
      connecting: this.#dial(target, key).then((connection) => {
        entry.connection = connection;
        void connection.closed.then(() => {
          entry.idleTimer?.stop();
          this.#open.delete(connection);
          const name = JSON.stringify(target);
          if (peer.entries.get(name) === entry) peer.entries.delete(name);
          if (peer.entries.size === 0) this.#forget(peer);
        });
        return connection;
      }),
      connection: undefined,
      uses: 0,
      idleTimer: undefined,
    };
    return entry;
  }

  async #dial(target: DialTarget, key: PoolKey): Promise<GitalyConnection> {
    const startedMs = performance.now();
    const timeoutMs = this.#setup.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const { address } = key;
    const socket = await dial(address, target, { ...this.#setup, timeoutMs });
    const spentMs = performance.now() - startedMs;
    const connection = new GitalyConnection(socket, {
      carrier: this.#setup.carrier,
      registry: this.#setup.registry,
      isMultiplexed: !this.#plainAddresses.has(key.rawAddress),
      settingsTimeoutMs: Math.max(1, timeoutMs - spentMs),
      grpc: {
        authority: address.authority,
        scheme: address.scheme !== "unix" && address.isTls ? "https" : "http",
        keepaliveTimeMs: KEEPALIVE_TIME_MS,
        keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS,
      },
    });
    this.#open.add(connection);
    if (this.#isClosed) connection.close();
    return connection;
  }

  /**
   * Compares what was believed of a server with how it answered. A balancer
   * without a server behind it closes every connection: that it closed a plain
   * one too takes the belief back.
   */
  #confirm(
    { rawAddress }: PoolKey,
    connection: GitalyConnection | undefined,
  ): void {
    if (connection === undefined) return;
    const { isMultiplexed, grpc: { sawSettings } } = connection;
    if (isMultiplexed && sawSettings) {
      this.#multiplexedAddresses.add(rawAddress);
    }
    if (!isMultiplexed && !sawSettings) this.#plainAddresses.delete(rawAddress);
  }

  #forget(peer: Peer): void {
    for (const [name, other] of this.#peers) {
      if (other === peer) this.#peers.delete(name);
    }
  }

  /** A connection that nobody uses ends at once or after a while. */
  #rest(peer: Peer, name: string, entry: Entry): void {
    const { connection } = entry;
    if (connection === undefined) return;
    if (!connection.isUsable || peer.entries.get(name) !== entry) {
      connection.close();
      return;
    }
    entry.idleTimer = new Timer(() => connection.close());
    entry.idleTimer.start(this.#setup.idleTimeoutMs ?? IDLE_TIMEOUT_MS);
  }
}

/**
 * Asks a Gitaly step by step whether it can be reached, lets us in, and how it
 * serves a fetch. No repository is needed and nothing is changed.
 * @module
 */
import { errorText, GitTransportError, GRPC_CODE } from "../core/errors.ts";
import { type GitalyAddress, parseGitalyAddress } from "./address.ts";
import { TokenSigner } from "./auth_token.ts";
import { errorOfStatus } from "./call_end.ts";
import { withDeadline } from "./deadline.ts";
import { dial } from "./dial.ts";
import { GitalyConnection } from "./gitaly_connection.ts";
import {
  SSH_UPLOAD_PACK,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL,
} from "./gen/ssh.ts";
import type { GrpcCarrier, GrpcMetadata, GrpcStatus } from "./grpc_call.ts";
import { resolveTargets } from "./resolver.ts";
import { SidechannelRegistry } from "./sidechannel_registry.ts";
import { TrustedRoots } from "./trusted_roots.ts";

/** One step and what came of it. */
export interface ProbeStep {
  /** `address`, `connect`, `protocol`, `token` or `fetch`. */
  readonly name: string;
  readonly isOk: boolean;
  /** What was found, or why it failed. */
  readonly text: string;
  readonly elapsedMs: number;
}

/** What a probe is made with. */
export interface ProbeSetup {
  readonly address: string;
  readonly token: string;
  readonly carrier: GrpcCarrier;
  /** Reads an environment variable: proxies and TLS roots. */
  readonly env: (name: string) => string | undefined;
  /** Limit of each step. */
  readonly timeoutMs: number;
}

/**
 * Probes; steps come as they are done, and none after the first that failed.
 */
export async function* probeGitaly(
  setup: ProbeSetup,
): AsyncGenerator<ProbeStep> {
  const probe = new Probe(setup);
  try {
    for (
      const name of [
        "address",
        "connect",
        "protocol",
        "token",
        "fetch",
      ] as const
    ) {
      const startMs = performance.now();
      let text: string;
      let isOk = true;
      try {
        text = await probe[name]();
      } catch (error) {
        text = errorText(error);
        isOk = false;
      }
      yield { name, isOk, text, elapsedMs: performance.now() - startMs };
      if (!isOk) return;
    }
  } finally {
    probe.close();
  }
}

/** The steps; each relies on those before it. */
class Probe {
  readonly #setup: ProbeSetup;
  readonly #registry = new SidechannelRegistry();
  #target: GitalyAddress | undefined;
  #connection: GitalyConnection | undefined;
  #sidechannelStatus: GrpcStatus | undefined;

  constructor(setup: ProbeSetup) {
    this.#setup = setup;
  }

  address(): Promise<string> {
    const { address } = this.#setup;
    this.#target = parseGitalyAddress(address, "gitaly-ssh");
    return Promise.resolve(`${address} (${this.#target.scheme})`);
  }

  async connect(): Promise<string> {
    const target = this.#known(this.#target);
    this.#connection = await this.#open(true);
    if (target.scheme === "unix") return `socket ${target.path}`;
    const { host, port } = target.target;
    return `${host} port ${port}${target.isTls ? ", TLS verified" : ""}`;
  }

  /** Finds out by the first call whether the server knows yamux. */
  async protocol(): Promise<string> {
    this.#sidechannelStatus = await this.#call(
      SSH_UPLOAD_PACK_WITH_SIDECHANNEL.path,
    );
    if (this.#known(this.#connection).wasMagicRefused) {
      this.#connection = await this.#open(false);
      this.#sidechannelStatus = await this.#call(SSH_UPLOAD_PACK.path);
    }
    const { isMultiplexed, grpc } = this.#known(this.#connection);
    if (!grpc.sawSettings) {
      throw errorOfStatus(this.#known(this.#sidechannelStatus), 0);
    }
    return isMultiplexed ? "gRPC on yamux" : "plain gRPC: no sidechannels";
  }

  token(): Promise<string> {
    const status = this.#known(this.#sidechannelStatus);
    const { permissionDenied, unauthenticated } = TOKEN_CODES;
    if (status.code === permissionDenied || status.code === unauthenticated) {
      throw errorOfStatus(status, 0);
    }
    return Promise.resolve(
      this.#setup.token === "" ? "none given, none asked for" : "accepted",
    );
  }

  /** A call without a sidechannel is refused, which shows that it is known. */
  async fetch(): Promise<string> {
    const { isMultiplexed } = this.#known(this.#connection);
    let status = this.#known(this.#sidechannelStatus);
    if (isMultiplexed && !isUnknownMethod(status)) {
      if (
        status.code === GRPC_CODE.unavailable &&
        !status.message.includes("sidechannel")
      ) {
        throw errorOfStatus(status, 0);
      }
      return "SSHUploadPackWithSidechannel";
    }
    if (isMultiplexed) status = await this.#call(SSH_UPLOAD_PACK.path);
    if (isUnknownMethod(status)) throw errorOfStatus(status, 0);
    return "SSHUploadPack (a server before 14.7)";
  }

  close(): void {
    this.#connection?.close();
  }

  async #open(isMultiplexed: boolean): Promise<GitalyConnection> {
    const { carrier, env, timeoutMs } = this.#setup;
    const address = this.#known(this.#target);
    const [target] = await resolveTargets(address, { env, spreads: false });
    if (target === undefined) throw new GitTransportError("no address found");
    const roots = new TrustedRoots(env);
    const socket = await dial(address, target, { env, roots, timeoutMs });
    return new GitalyConnection(socket, {
      carrier,
      registry: this.#registry,
      isMultiplexed,
      settingsTimeoutMs: timeoutMs,
      grpc: {
        authority: address.authority,
        scheme: address.scheme !== "unix" && address.isTls ? "https" : "http",
        keepaliveTimeMs: timeoutMs,
        keepaliveTimeoutMs: timeoutMs,
      },
    });
  }

  /** Makes an empty call and gives its status. */
  async #call(path: string): Promise<GrpcStatus> {
    const { token, timeoutMs } = this.#setup;
    const metadata: GrpcMetadata = token === "" ? [] : [[
      "authorization",
      await new TokenSigner().sign(token, Date.now()),
    ]];
    const { grpc } = this.#known(this.#connection);
    const call = grpc.startCall({ path, metadata, isUnary: true });
    const work = async () => {
      await call.send(new Uint8Array());
      await call.closeSend();
      while (await call.receive() !== null);
      return await call.status;
    };
    try {
      return await withDeadline(work(), timeoutMs);
    } finally {
      call.cancel();
    }
  }

  #known<T>(value: T | undefined): T {
    if (value === undefined) throw new TypeError("A step was left out");
    return value;
  }
}

const TOKEN_CODES = { permissionDenied: 7, unauthenticated: 16 } as const;

/** As Gitaly says it, or Praefect in front of one. */
function isUnknownMethod({ code, message }: GrpcStatus): boolean {
  return code === GRPC_CODE.unimplemented ||
    message.includes("full method name not found");
}

/**
 * A stand-in for the Topology Service: knows which cell owns what, answers
 * `Classify`, and remembers every question.
 * Source: GitLab, Topology Service, ClassifyService.
 * @module
 */
import {
  isListenerClosed,
  type ListenAddress,
  type OpenListener,
  openListener,
  pauseAccepting,
} from "../listen.ts";
import { decodeMessage, encodeMessage } from "../../gitaly/protobuf/codec.ts";
import { CLASSIFY } from "../../gitaly/gen/topology.ts";
import type {
  CarrierConnection,
  IncomingCall,
  ServerCarrier,
} from "../gitaly/carrier.ts";
import { LEAN_SERVER_CARRIER } from "../gitaly/http2/lean_server_carrier.ts";
import { CODE, StatusError, toStatusError } from "../gitaly/status.ts";
import { RecordList } from "../records.ts";
import { type Socket, SocketDuplex } from "../socket.ts";

/** What a question was about. */
export type ClaimKind = "route" | "username" | "ssh_key_fingerprint";

/** One question. */
export interface ClassifyRecord {
  readonly claim: ClaimKind;
  readonly value: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Counts the connections from 1. */
  readonly connectionId: number;
}

/** One answer: a cell, none, an address as it stands, a failure, or silence. */
export type ClassifyAnswer =
  | { readonly kind: "proxy"; readonly address: string }
  | { readonly kind: "unspecified" }
  | { readonly kind: "status"; readonly code: number; readonly text: string }
  | { readonly kind: "silence" };

/** How a stand-in is set up. */
export interface TopologyOptions {
  readonly listen: readonly ListenAddress[];
  /** Addresses of cells by claim, as `route:group`. */
  readonly cells?: Readonly<Record<string, string>>;
  /** The lean one unless given. */
  readonly carrier?: ServerCarrier;
}

/** A stand-in that runs. */
export interface Topology extends AsyncDisposable {
  /** As `topology_service.address` has them, in the order of `listen`. */
  readonly addresses: readonly string[];
  readonly requests: RecordList<ClassifyRecord>;
  /** May be changed; a claim without entry is NOT_FOUND. */
  readonly cells: Map<string, string>;
  /** Gives these to the next questions, one each, in place of the real ones. */
  enqueue(...answers: readonly ClassifyAnswer[]): void;
}

const NAMES = [
  ["route", "route"],
  ["username", "username"],
  ["ssh_key_fingerprint", "sshKeyFingerprint"],
] as const;
const PROXY_ACTION = 1;

/**
 * Starts a stand-in.
 * @throws {Deno.errors.AddrInUse} If an address is taken; nothing is left open.
 */
export async function startTopology(
  options: TopologyOptions,
): Promise<Topology> {
  const service = new TopologyService(options);
  try {
    for (const listen of options.listen) service.listen(listen);
  } catch (error) {
    await service[Symbol.asyncDispose]();
    throw error;
  }
  return service;
}

class TopologyService implements Topology {
  readonly requests = new RecordList<ClassifyRecord>();
  readonly cells: Map<string, string>;
  readonly addresses: string[] = [];
  readonly #carrier: ServerCarrier;
  readonly #script: ClassifyAnswer[] = [];
  readonly #listeners: OpenListener[] = [];
  readonly #live = new Set<CarrierConnection>();
  readonly #loops: Promise<void>[] = [];
  #connectionCount = 0;

  constructor({ cells = {}, carrier }: TopologyOptions) {
    this.cells = new Map(Object.entries(cells));
    this.#carrier = carrier ?? LEAN_SERVER_CARRIER;
  }

  enqueue(...answers: readonly ClassifyAnswer[]): void {
    this.#script.push(...answers);
  }

  listen(address: ListenAddress): void {
    const opened = openListener(address);
    this.#listeners.push(opened);
    this.addresses.push(opened.boundTo);
    this.#loops.push(this.#acceptFrom(opened.listener));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#live) connection.close();
    await Promise.all(this.#loops);
  }

  async #acceptFrom(listener: Deno.Listener): Promise<void> {
    for (;;) {
      try {
        this.#serve(await listener.accept());
      } catch (error) {
        if (isListenerClosed(error)) return;
        await pauseAccepting();
      }
    }
  }

  #serve(socket: Socket): void {
    const connectionId = ++this.#connectionCount;
    const duplex = new SocketDuplex(socket, new Uint8Array());
    const connection = this.#carrier.serve(duplex, {
      paths: [CLASSIFY.path],
      onCall: (call) => void this.#answer(call, connectionId),
      onEnd: () => this.#live.delete(connection),
    });
    this.#live.add(connection);
  }

  async #answer(call: IncomingCall, connectionId: number): Promise<void> {
    try {
      const message = await call.receive();
      const record = readQuestion(message ?? new Uint8Array());
      const { metadata } = call;
      this.requests.add({ ...record, metadata, connectionId });
      const answer = this.#script.shift() ?? this.#find(record);
      if (answer.kind === "silence") return;
      if (answer.kind === "status") {
        throw new StatusError(answer.code, answer.text);
      }
      await call.send(encodeMessage(
        CLASSIFY.response,
        answer.kind === "proxy"
          ? { action: PROXY_ACTION, proxy: { address: answer.address } }
          : {},
      ));
      call.end(undefined);
    } catch (error) {
      call.end(toStatusError(error));
    }
  }

  #find({ claim, value }: Question): ClassifyAnswer {
    const address = this.cells.get(`${claim}:${value}`);
    return address === undefined
      ? { kind: "status", code: CODE.notFound, text: "claim not found" }
      : { kind: "proxy", address };
  }
}

type Question = Pick<ClassifyRecord, "claim" | "value">;

/** @throws {StatusError} If there is not exactly one claim. */
function readQuestion(message: Uint8Array): Question {
  const { claim } = decodeMessage(CLASSIFY.request, message);
  const found: Question[] = [];
  for (const [name, field] of NAMES) {
    const value = claim?.[field] ?? "";
    if (value !== "") found.push({ claim: name, value });
  }
  const [first, ...others] = found;
  if (first && others.length === 0) return first;
  throw new StatusError(CODE.invalidArgument, "exactly one claim is needed");
}

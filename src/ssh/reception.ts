/**
 * What happens to a connection between accept and its identification: the
 * gate, and the PROXY header that says whose connection it is.
 * Source: GitLab Shell 14.56.1, sshd.
 * @module
 */
import { makeCorrelationId } from "../core/correlation_id.ts";
import { errorText } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import {
  NOT_NOW_TEXT,
  OVERLOADED_TEXT,
  TOO_MANY_CONNECTIONS_TEXT,
} from "../core/refusal_text.ts";
import type { Admission, AdmissionRefusal } from "./admission.ts";
import type { AdmissionTicket } from "./admission_ticket.ts";
import { ConnectionRecord } from "./connection_record.ts";
import type { Goodbyes } from "./goodbye.ts";
import { formatListenAddress } from "./listen_address.ts";
import type { ProxySettings } from "./proxy_policy.ts";
import { ProxyRefusal, readProxyHeader } from "./proxy_stream.ts";
import type { TcpStream } from "./tcp_socket.ts";
import { unmapIpv4 } from "./tcp_socket.ts";

/** What users read when they are not let in. */
const TEXTS: Readonly<Record<AdmissionRefusal, string>> = {
  max_startups: OVERLOADED_TEXT,
  per_source_max_startups: TOO_MANY_CONNECTIONS_TEXT,
  per_source_penalties: NOT_NOW_TEXT,
};

/** A connection that may identify itself. */
export interface Arrival {
  /** Begins with the client's own first byte and bears its address. */
  readonly stream: TcpStream;
  readonly ticket: AdmissionTicket;
  /** For `X-Forwarded-For`: the balancer; empty without the PROXY protocol. */
  readonly forwardedFor: string;
  /**
   * The client's IP address for rules about addresses; empty where a balancer
   * tells of a client that does not speak TCP.
   */
  readonly clientIp: string;
}

/** What a reception works with. */
export interface ReceptionOptions {
  readonly admission: Admission;
  readonly proxy: ProxySettings | undefined;
  readonly goodbyes: Goodbyes;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Receives the connections of one server. */
export class Reception {
  readonly #waiting = new Set<TcpStream>();

  /** Ends the connections that have not come through yet. */
  close(): void {
    for (const tcp of this.#waiting) closeQuietly(tcp);
  }

  /**
   * Receives a connection.
   * @returns `undefined` if it was turned away; it is then closed and logged.
   */
  async receive(
    tcp: TcpStream,
    options: ReceptionOptions,
  ): Promise<Arrival | undefined> {
    const ticket = options.admission.enter();
    if (typeof ticket === "string") {
      await options.goodbyes.say(tcp, TEXTS[ticket]);
      return undefined;
    }
    this.#waiting.add(tcp);
    try {
      return await bindClient(tcp, ticket, options);
    } catch (error) {
      ticket.leave();
      closeQuietly(tcp);
      if (!(error instanceof ProxyRefusal)) throw error;
      reportRefusal(tcp, error, options);
      return undefined;
    } finally {
      this.#waiting.delete(tcp);
    }
  }
}

async function bindClient(
  tcp: TcpStream,
  ticket: AdmissionTicket,
  { admission, proxy, goodbyes }: ReceptionOptions,
): Promise<Arrival | undefined> {
  const peer = ipOf(tcp.remoteAddr);
  const found = proxy ? await readProxyHeader(tcp, proxy, peer) : undefined;
  if (found?.hasHeader) admission.noteBalancer(peer);
  const { stream, source } = found ?? { stream: tcp, source: undefined };
  const refusal = ticket.bind(source?.hostname || peer);
  if (refusal !== undefined) {
    await goodbyes.say(stream, TEXTS[refusal]);
    return undefined;
  }
  const isTcp = source === undefined || source.transport === "tcp";
  return {
    stream,
    ticket,
    forwardedFor: proxy ? peer : "",
    clientIp: isTcp ? source?.hostname ?? peer : "",
  };
}

/** The records that every connection has, with what an operator can do. */
function reportRefusal(
  { remoteAddr }: TcpStream,
  refusal: ProxyRefusal,
  { log, clock }: ReceptionOptions,
): void {
  const isTcp = remoteAddr.transport === "tcp";
  const record = new ConnectionRecord(
    log.with({
      correlation_id: makeCorrelationId(clock.nowMs()),
      remote_addr: isTcp
        ? formatListenAddress({ ...remoteAddr, hostname: ipOf(remoteAddr) })
        : "",
    }),
    clock,
  );
  record.noteEnd(errorText(refusal));
  record.finishUnopened("", { advice: refusal.advice });
}

function ipOf(address: Deno.Addr): string {
  return address.transport === "tcp" ? unmapIpv4(address.hostname) : "";
}

function closeQuietly(tcp: TcpStream): void {
  try {
    tcp.close();
  } catch {
    // Closed already.
  }
}

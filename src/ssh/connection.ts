/**
 * One connection from accept to the last record: who may say what in which
 * phase, the limits of each phase, and what is torn down at the end.
 * Source: RFC 4252, RFC 4253, RFC 4254; GitLab Shell 14.56.1, sshd connection.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { ApiClient } from "../api/client.ts";
import { errorText } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import type { Logger } from "../core/log.ts";
import type { Authentication } from "./authentication.ts";
import { BeforeLogin } from "./before_login.ts";
import { ChannelTable } from "./channel_table.ts";
import { openAuthentication } from "./connection_authentication.ts";
import { ConnectionMetrics } from "./connection_metrics.ts";
import { ConnectionRecord } from "./connection_record.ts";
import type {
  ConnectionLog,
  ConnectionServices,
} from "./connection_services.ts";
import { encodePlainDisconnect } from "./goodbye.ts";
import { Keepalive } from "./keepalive.ts";
import type { Login } from "./login.ts";
import { type HeldIdent, holdUntilIdent } from "./patch/client_ident.ts";
import { formatListenAddress } from "./listen_address.ts";
import type { Arrival } from "./reception.ts";
import type { Session } from "./session.ts";
import { shorten } from "./shown_text.ts";
import {
  decodeDisconnect,
  DISCONNECT_REASON,
  encodePong,
  encodeRequestFailure,
  encodeServiceAccept,
  encodeUnimplemented,
  MESSAGE,
} from "./ssh_messages.ts";
import type { Ssh2Client } from "./ssh2_types.ts";
import { TcpSocket } from "./tcp_socket.ts";
import { SshTransport, textForClient } from "./transport.ts";
import { SshReader } from "./wire.ts";

const AUTH_SERVICE = "ssh-userauth";

type Phase = "ident" | "keys" | "service" | "auth" | "open";

/** The server's end of one SSH connection. */
export class Connection {
  /** Bears the client's address, which may be that of a PROXY header. */
  readonly socket: TcpSocket;
  readonly #arrival: Omit<Arrival, "stream">;
  readonly #services: ConnectionServices;
  readonly #log: Logger;
  readonly #correlationId: string;
  readonly #remoteAddress: string;
  readonly #record: ConnectionRecord;
  readonly #sessions = new Set<Session>();
  readonly #abort = new AbortController();
  readonly #ident: HeldIdent;
  readonly #beforeLogin: BeforeLogin;
  readonly #closed = Promise.withResolvers<void>();
  readonly #metrics: ConnectionMetrics;
  #phase: Phase = "ident";
  #transport: SshTransport | undefined;
  #authentication: Authentication | undefined;
  #channels: ChannelTable | undefined;
  #keepalive: Keepalive | undefined;

  constructor(
    arrival: Arrival,
    services: ConnectionServices,
    { log, correlationId }: ConnectionLog,
  ) {
    const socket = new TcpSocket(arrival.stream);
    this.socket = socket;
    this.#arrival = arrival;
    this.#services = services;
    this.#metrics = new ConnectionMetrics(services.metrics);
    this.#remoteAddress = formatListenAddress({
      hostname: socket.remoteAddress,
      port: socket.remotePort,
    });
    this.#correlationId = correlationId;
    this.#log = log.with({
      correlation_id: correlationId,
      remote_addr: this.#remoteAddress,
    });
    this.#record = new ConnectionRecord(this.#log, services.clock);
    this.#beforeLogin = new BeforeLogin({
      arrival,
      limits: services.limits,
      onTimeOut: () =>
        this.#fail(new Error("ssh: login timed out: i/o timeout")),
    });
    this.#ident = holdUntilIdent(socket, (error) => this.#fail(error));
  }

  /**
   * Serves the connection.
   * @returns When it is over and its commands have ended; never rejects.
   */
  async serve(): Promise<void> {
    this.socket.on("error", (error) => this.#noteEnd(error));
    this.socket.once("end", () => this.#loseClient());
    this.socket.once("close", () => this.#closed.resolve());
    this.#services.ssh2Server.injectSocket(this.socket);
    await this.#closed.promise;
    this.#loseClient();
    await Promise.all([...this.#sessions].map((session) => session.ended));
    this.#metrics.end(this.socket);
    if (this.#phase === "open") return this.#record.finishOpen();
    const failureText = this.#authentication?.failureText;
    this.#beforeLogin.finish(this.#log, this.#record, failureText);
  }

  /** Goes on once ssh2 has seen the identification. */
  attach(client: Ssh2Client): void {
    this.#beforeLogin.noteIdent();
    const { ssh2, offer, limits } = this.#services;
    const { line } = this.#ident;
    if (!line) throw new TypeError("Cannot attach before the identification");
    this.#phase = "keys";
    if (this.#ident.hasProxyLine) {
      const advice = this.#beforeLogin.proxyAdvice;
      this.#log.warn("PROXY header ignored", { advice });
    }
    this.#transport = new SshTransport(
      { ssh2, client, socket: this.socket },
      { offer, identLine: line, rekey: limits.rekey },
      {
        onKeys: (negotiated) => {
          this.#phase = "service";
          this.#metrics.noteKeys(negotiated);
        },
        onMessage: (type, payload) => this.#receive(type, payload),
        onFailure: (error) => this.#noteEnd(error),
        onClose: () => this.#loseClient(),
      },
    );
  }

  /**
   * Ends the connection now: commands are cancelled, the client is told.
   * @param text For the client.
   */
  close(text: string): void {
    this.#record.noteEnd(text);
    this.#beforeLogin.sendAway();
    this.#abort.abort(new Error("context canceled"));
    this.#disconnect(text);
  }

  #receive(type: number, payload: Buffer): void {
    switch (type) {
      case MESSAGE.disconnect:
        return this.#receiveDisconnect(payload);
      case MESSAGE.ignore:
      case MESSAGE.unimplemented:
      case MESSAGE.debug:
      case MESSAGE.extInfo:
        return;
      case MESSAGE.serviceRequest:
        return this.#receiveService(payload);
      case MESSAGE.userauthRequest:
        return this.#receiveUserauth(payload);
    }
    if (this.#phase !== "open") throw unexpected(type);
    this.#receiveOpen(type, payload);
  }

  /** What a client may say once it has logged in. */
  #receiveOpen(type: number, payload: Buffer): void {
    switch (type) {
      case MESSAGE.globalRequest: {
        const reader = new SshReader(payload, 1);
        reader.readString();
        if (reader.readBool()) this.#transport?.send(encodeRequestFailure());
        return;
      }
      case MESSAGE.requestSuccess:
      case MESSAGE.requestFailure:
        return this.#keepalive?.receiveReply();
      case MESSAGE.ping:
        return this.#transport?.send(encodePong(payload));
    }
    if (this.#channels?.receive(type, payload)) return;
    const number = this.#transport?.messageNumber ?? 0;
    this.#transport?.send(encodeUnimplemented(number));
  }

  #receiveDisconnect(payload: Buffer): void {
    const { reason, text } = decodeDisconnect(payload);
    this.#record.noteEnd(
      `ssh: disconnect, reason ${reason}: ${quoteGo(shorten(text))}`,
    );
    this.#transport?.close();
  }

  #receiveService(payload: Buffer): void {
    const name = new SshReader(payload, 1).readText();
    if (this.#phase !== "service") throw unexpected(MESSAGE.serviceRequest);
    if (name !== AUTH_SERVICE) {
      throw new Error(
        `ssh: requested service '${shorten(name)}' before authenticating`,
      );
    }
    this.#phase = "auth";
    this.#transport?.send(encodeServiceAccept(name));
  }

  #receiveUserauth(payload: Buffer): void {
    // After a login more requests are ignored: they cannot make the
    // connection anyone else's.
    if (this.#phase === "open") return;
    const transport = this.#transport;
    if (this.#phase !== "auth" || !transport) {
      throw unexpected(MESSAGE.userauthRequest);
    }
    this.#authentication ??= openAuthentication(transport, {
      services: this.#services,
      arrival: this.#arrival,
      log: this.#log,
      correlationId: this.#correlationId,
      signal: this.#abort.signal,
      metrics: this.#metrics,
      beforeLogin: this.#beforeLogin,
      onLogin: (login, api) => this.#open(transport, api, login),
    });
    this.#authentication.receive(payload);
  }

  #open(transport: SshTransport, api: ApiClient, login: Login): void {
    this.#record.noteLogin();
    this.#beforeLogin.noteLogin();
    this.#phase = "open";
    const { limits, clock, handleSession } = this.#services;
    const remoteAddress = this.#remoteAddress;
    const correlationId = this.#correlationId;
    this.#channels = new ChannelTable(transport, {
      handle: handleSession,
      clock,
      start: { login, remoteAddress },
      around: { api, log: this.#log, correlationId },
      limits,
      signal: this.#abort.signal,
    }, {
      sessionsMax: limits.sessionsMax,
      onSession: (session) => this.#track(session),
      onLimit: () => this.#metrics.limitSession(),
    });
    this.#keepalive = new Keepalive(transport, this.#log);
    this.#keepalive.start(limits.keepaliveMs);
  }

  #track(session: Session): void {
    this.#sessions.add(session);
    this.#metrics.openSession();
    session.ended.then((summary) => {
      this.#sessions.delete(session);
      this.#record.addSession(summary);
      this.#metrics.endSession(summary);
    });
  }

  #fail(error: unknown): void {
    if (this.#transport) return this.#transport.fail(error);
    this.#noteEnd(error);
    // The client has our identification, and no keys are needed to say why.
    const reason = DISCONNECT_REASON.protocolError;
    this.socket.write(encodePlainDisconnect(reason, textForClient(error)));
    this.socket.end();
  }

  #disconnect(text: string): void {
    if (!this.#transport) this.socket.destroy();
    else this.#transport.disconnect(DISCONNECT_REASON.byApplication, text);
  }

  /** The client can neither send nor receive any more. */
  #loseClient(): void {
    this.#beforeLogin.stop();
    this.#keepalive?.stop();
    this.#transport?.close();
    this.#channels?.loseClient();
    // A look-up has nobody to answer to. Commands end in their own way first.
    if (this.#phase !== "open") {
      this.#abort.abort(new Error("context canceled"));
    }
  }

  #noteEnd(error: unknown): void {
    this.#beforeLogin.noteEnd(error);
    this.#record.noteEnd(errorText(error));
  }
}

function unexpected(type: number): Error {
  return new Error(`ssh: unexpected message type ${type}`);
}

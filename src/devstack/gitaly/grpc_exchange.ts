/**
 * A streaming call of grpc-js as messages that are asked for one by one.
 * @module
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { PackRequestMessage, PackResponseMessage } from "./messages.ts";
import type { PackExchange } from "./stream_call.ts";

/** The stream as grpc-js hands it to a handler. */
export type PackStream = ServerDuplexStream<
  PackRequestMessage,
  PackResponseMessage
>;

/** Pulls requests and pushes responses with the back-pressure of gRPC. */
export class GrpcExchange implements PackExchange {
  readonly #call: PackStream;
  #hasInputEnded = false;
  #isStopped = false;
  #wakeReader: (() => void) | undefined;
  readonly #failSends = new Set<(error: Error) => void>();

  constructor(call: PackStream) {
    this.#call = call;
    const endInput = () => {
      this.#hasInputEnded = true;
      this.#wakeReader?.();
    };
    call.on("readable", () => this.#wakeReader?.());
    call.on("end", endInput).on("error", endInput);
    call.on("close", () => this.stop()).on("cancelled", () => this.stop());
  }

  async receive(): Promise<PackRequestMessage | null> {
    for (;;) {
      const message: PackRequestMessage | null = this.#call.read();
      if (message !== null) return message;
      if (this.#hasInputEnded) return null;
      await new Promise<void>((wake) => this.#wakeReader = wake);
    }
  }

  send(message: PackResponseMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) return reject(new Error("call has ended"));
      // grpc-js forgets the callback of a call that was cancelled meanwhile.
      this.#failSends.add(reject);
      this.#call.write(message, (error?: Error | null) => {
        this.#failSends.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  stop(): void {
    this.#isStopped = this.#hasInputEnded = true;
    for (const fail of this.#failSends) fail(new Error("call has ended"));
    this.#failSends.clear();
    this.#wakeReader?.();
  }
}

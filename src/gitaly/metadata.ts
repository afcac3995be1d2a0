/**
 * What may go out as metadata of a call.
 * Source: grpc-go, internal/metadata (Validate); texts are its own.
 * @module
 */
import { GitalyError, GRPC_CODE } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import type { GrpcMetadata } from "./grpc_call.ts";

const NAME = /^[a-z0-9\-_.]+$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * Lower-cases the names, as Go does, and checks names and values.
 * @throws {GitalyError} INTERNAL, if one cannot be sent.
 */
export function prepareMetadata(metadata: GrpcMetadata): GrpcMetadata {
  return metadata.map(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === "") {
      const message = "there is an empty key in the header";
      throw new GitalyError(GRPC_CODE.internal, message);
    }
    if (!NAME.test(lower)) {
      throw refusal(lower, "illegal characters not in [0-9a-z-_.]");
    }
    if (!PRINTABLE.test(value)) {
      throw refusal(lower, "value with non-printable ASCII characters");
    }
    return [lower, value] as const;
  });
}

/** Quoting waits until it is needed: its pattern takes a millisecond to make. */
function refusal(name: string, fault: string): GitalyError {
  const message = `header key ${quoteGo(name)} contains ${fault}`;
  return new GitalyError(GRPC_CODE.internal, message);
}

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
    if (lower === "") throw refusal("there is an empty key in the header");
    const shown = `header key ${quoteGo(lower)} contains`;
    if (!NAME.test(lower)) {
      throw refusal(`${shown} illegal characters not in [0-9a-z-_.]`);
    }
    if (!PRINTABLE.test(value)) {
      throw refusal(`${shown} value with non-printable ASCII characters`);
    }
    return [lower, value] as const;
  });
}

function refusal(message: string): GitalyError {
  return new GitalyError(GRPC_CODE.internal, message);
}

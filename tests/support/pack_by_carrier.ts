/**
 * What git runs in the place of ssh to move its bytes over one of the gRPC
 * carriers. Arguments: the carrier, the service, and what git appends, which
 * means nothing. Address, token and request stand in the environment.
 * @module
 */
import { openStandardStreams } from "../../src/cli/standard_streams.ts";
import { errorText } from "../../src/core/errors.ts";
import { SYSTEM_CLOCK } from "../../src/core/host.ts";
import { writeText } from "../../src/core/io.ts";
import { SILENT_LOGGER } from "../../src/core/log.ts";
import { createGitalyClient } from "../../src/gitaly/gitaly_client.ts";
import type { GrpcCarrier } from "../../src/gitaly/grpc_call.ts";
import type { PackRequest } from "../../src/gitaly/pack_request.ts";

async function loadCarrier(name: string): Promise<GrpcCarrier> {
  if (name === "lean") {
    const { LEAN_CARRIER } = await import(
      "../../src/gitaly/http2/lean_carrier.ts"
    );
    return LEAN_CARRIER;
  }
  const { GRPC_JS_CARRIER } = await import(
    "../../src/gitaly/grpc_js_carrier.ts"
  );
  return GRPC_JS_CARRIER;
}

async function main(): Promise<number> {
  const [name = "", service = ""] = Deno.args;
  const env = (variable: string) => Deno.env.get(variable);
  const io = openStandardStreams();
  const client = createGitalyClient({
    carrier: await loadCarrier(name),
    programName: "gitaly-ssh",
    env,
  });
  const request: PackRequest = {
    ...JSON.parse(env("PACK_REQUEST") ?? ""),
    service,
  };
  try {
    const { exitStatus } = await client.runPack(
      {
        address: env("PACK_ADDRESS") ?? "",
        token: env("PACK_TOKEN") ?? "",
      },
      request,
      {
        io,
        metadata: [],
        log: SILENT_LOGGER,
        clock: SYSTEM_CLOCK,
        signal: new AbortController().signal,
      },
    );
    return exitStatus;
  } catch (error) {
    await writeText(io.stderr, `${errorText(error)}\n`);
    return 1;
  } finally {
    client.close();
  }
}

if (import.meta.main) Deno.exit(await main());
